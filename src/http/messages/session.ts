import * as z from 'zod'
import { MODES, ROLES } from '../../domain/role.ts'

export const sessionRequest = z
  .strictObject({ token: z.string().min(1).max(4096).describe('of API_TOKENS') })
  .meta({ id: 'SessionRequest' })

export const sessionSchema = z
  .strictObject({
    name: z.string().nullable().describe("the token's name; null: somebody on this machine, where there are no tokens"),
    roles: z.array(z.enum(ROLES)),
    expiresAt: z.iso.datetime().nullable().describe('when the session ends; null: there is none'),
    mode: z.enum(MODES).describe('by a token, by a session, or without either, because there are no tokens'),
  })
  .meta({ id: 'Session' })
