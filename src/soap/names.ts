/** Names that the service and the two SOAP versions gave. */

export type SoapVersion = '1.1' | '1.2'

export const SERVICE_NAMESPACE = 'http://tempuri.org/'
export const OPERATION = 'GetChatRequestByConnectionId'
export const ACTION = `${SERVICE_NAMESPACE}${OPERATION}`
export const SOAP_NAMESPACES: Readonly<Record<SoapVersion, string>> = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
}
