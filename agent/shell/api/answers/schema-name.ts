// SPDX-License-Identifier: Apache-2.0
/** Schemas of answers that have a name in the API's description. */
import { z } from 'zod'

export const NAMED_SCHEMAS = z.registry<{ id: string }>()

/** The schema itself, known by this name from now on. Answers hold what is described, and nothing else. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  NAMED_SCHEMAS.add(schema, { id })
  return schema
}
