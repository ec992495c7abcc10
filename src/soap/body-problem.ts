/**
 * Why the body of an answer cannot be used, found anywhere between its bytes and the record. The message is ours: what
 * was expected and what kind of thing was got, never a piece of the body.
 */
export type BodyProblemKind =
  | 'unreadable' // no well-formed XML
  | 'dtd' // document type or entity declarations, which SOAP forbids
  | 'not-contract' // XML, but not what the service's page promises
  | 'not-understood' // a header block that we must understand and do not

export class BodyProblem extends Error {
  readonly is: BodyProblemKind
  constructor(is: BodyProblemKind, message: string) {
    super(message)
    this.name = 'BodyProblem'
    this.is = is
  }
}
