import * as z from 'zod'

const count = z.int().min(0)

export const deadLetterGroupSchema = z
  .strictObject({
    failure: z.string().nullable(),
    fault: z.string().nullable(),
    httpStatus: z.int().nullable(),
    count,
    firstAt: z.iso.datetime().nullable(),
    lastAt: z.iso.datetime().nullable(),
    failedAgain: count.describe('those of them that had been put back, and gave up again'),
  })
  .meta({ id: 'DeadLetterGroup' })

export const deadLettersSchema = z
  .strictObject({ groups: z.array(deadLetterGroupSchema), looked: count, unread: count })
  .meta({ id: 'DeadLetters' })
