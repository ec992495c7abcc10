/** What a request is made of. */

export type SoapVersion = '1.1' | '1.2'

export interface Credentials {
  publicKey1: string
  encryptedUser: string
  encryptedPassword: string
  encryptedSignature: string
}

export const NAMESPACE: Record<SoapVersion, string> = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
}
export const ACTION = 'http://tempuri.org/GetChatRequestByConnectionId'
export const TYPE: Record<SoapVersion, string> = {
  '1.1': 'text/xml; charset=utf-8',
  '1.2': 'application/soap+xml; charset=utf-8',
}

/** Headers as the clients of this version send them. */
export function usual(version: SoapVersion): readonly string[] {
  return version === '1.1'
    ? ['Content-Type', TYPE['1.1'], 'SOAPAction', `"${ACTION}"`]
    : ['Content-Type', `${TYPE['1.2']}; action="${ACTION}"`]
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;')
}

export function envelope(version: SoapVersion, body: string, header = ''): string {
  return `<s:Envelope xmlns:s="${NAMESPACE[version]}">${header}<s:Body>${body}</s:Body></s:Envelope>`
}

export function operation(inner: string): string {
  return `<GetChatRequestByConnectionId xmlns="http://tempuri.org/">${inner}</GetChatRequestByConnectionId>`
}

export function credentialFields(credentials: Credentials): string {
  return (
    `<PublicKey1>${escapeXml(credentials.publicKey1)}</PublicKey1>` +
    `<EncryptedUser>${escapeXml(credentials.encryptedUser)}</EncryptedUser>` +
    `<EncryptedPassword>${escapeXml(credentials.encryptedPassword)}</EncryptedPassword>` +
    `<EncryptedSignature>${escapeXml(credentials.encryptedSignature)}</EncryptedSignature>`
  )
}
