// SPDX-License-Identifier: Apache-2.0

/** The same as in package.json; the build refuses to go on if they differ. */
export const VERSION = '0.1.0'
