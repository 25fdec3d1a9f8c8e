// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'

/** What single fields of a description may hold. Each message is the remedy. */

/** Hosts and NATs share one set of names: they become hostnames and directory names. */
export const nodeNamePattern = /^[a-z][a-z0-9-]{0,30}$/

export const nodeName = z
  .string('give the name of a host or NAT')
  .regex(nodeNamePattern, 'use lower-case letters, digits and "-", a letter first, at most 31')
export const milliseconds = z
  .number('give a number of milliseconds')
  .min(0, 'give milliseconds, 0 or more')
  .max(60_000, 'give at most 60000 milliseconds')
export const percent = z
  .number('give a percentage, 0 to 100')
  .min(0, 'give a percentage, 0 to 100')
  .max(100, 'give a percentage, 0 to 100')
export const flag = z.boolean('say true or false')
export const port = z
  .int('give a port, 1 to 65535')
  .min(1, 'give a port, 1 to 65535')
  .max(65_535, 'give a port, 1 to 65535')
export const mtu = z
  .int('give an MTU, 576 to 9000')
  .min(576, 'give an MTU, 576 to 9000')
  .max(9000, 'give an MTU, 576 to 9000')
export const ipv4 = z.ipv4('give an IPv4 address such as 203.0.113.20')
export const ipv6 = z.ipv6('give an IPv6 address such as 2001:db8:5::10')
export const ipv4Prefix = z.cidrv4('give an IPv4 prefix such as 192.168.1.0/24')
