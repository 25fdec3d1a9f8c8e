// SPDX-License-Identifier: Apache-2.0
/**
 * Node's HTTP, without what an import of it would bring: to list its names for ES modules, Node
 * reads every one of them, WebSocket included, and with that loads a whole client of 14 MB.
 */
export const http = process.getBuiltinModule('node:http')
