/** What `?WSDL` and `?disco` say, with the address under which they were asked for. */

import { escapeHtml } from './error-pages.ts'
import { SERVICE_NAME, SERVICE_PATH } from './help-page.ts'
import { SERVICE_NAMESPACE } from './soap-read.ts'

function addressOf(host: string): string {
  return escapeHtml(`http://${host}${SERVICE_PATH}`)
}

export function disco(host: string): string {
  const address = addressOf(host)
  return `<?xml version="1.0" encoding="utf-8"?>
<discovery xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.xmlsoap.org/disco/">
  <contractRef ref="${address}?wsdl" docRef="${address}" xmlns="http://schemas.xmlsoap.org/disco/scl/" />
  <soap address="${address}" xmlns:q1="${SERVICE_NAMESPACE}" binding="q1:${SERVICE_NAME}Soap" xmlns="http://schemas.xmlsoap.org/disco/soap/" />
  <soap address="${address}" xmlns:q2="${SERVICE_NAMESPACE}" binding="q2:${SERVICE_NAME}Soap12" xmlns="http://schemas.xmlsoap.org/disco/soap/" />
</discovery>`
}

export function wsdl(host: string): string {
  const address = addressOf(host)
  return `<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:tns="http://tempuri.org/" xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/" xmlns:tm="http://microsoft.com/wsdl/mime/textMatching/" xmlns:s="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="http://tempuri.org/" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/">
  <wsdl:types>
    <s:schema elementFormDefault="qualified" targetNamespace="http://tempuri.org/">
      <s:element name="GetChatRequestByConnectionId">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="PublicKey1" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="EncryptedUser" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="EncryptedPassword" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="EncryptedSignature" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="ChatConnectionIDBD" type="s:string" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:element name="GetChatRequestByConnectionIdResponse">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="GetChatRequestByConnectionIdResult" type="tns:ChatRequestResult" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:complexType name="ChatRequestResult">
        <s:sequence>
          <s:element minOccurs="0" maxOccurs="1" name="response" type="tns:Response" />
          <s:element minOccurs="0" maxOccurs="1" name="ChatRequest" type="tns:ChatRequest" />
        </s:sequence>
      </s:complexType>
      <s:complexType name="Response">
        <s:sequence>
          <s:element minOccurs="1" maxOccurs="1" name="responseCode" type="s:int" />
          <s:element minOccurs="0" maxOccurs="1" name="responseDescription" type="s:string" />
          <s:element minOccurs="0" maxOccurs="1" name="encryptedSymmetrickey" type="s:string" />
        </s:sequence>
      </s:complexType>
      <s:complexType name="ChatRequest">
        <s:sequence>
          <s:element minOccurs="1" maxOccurs="1" name="IdRequest" type="s:int" />
          <s:element minOccurs="1" maxOccurs="1" name="CaseNumber" type="s:int" />
          <s:element minOccurs="1" maxOccurs="1" name="CreationDate" type="s:dateTime" />
          <s:element minOccurs="1" maxOccurs="1" name="IdQueue" type="s:int" />
          <s:element minOccurs="1" maxOccurs="1" name="KeepAliveRouterDate" type="s:dateTime" />
          <s:element minOccurs="1" maxOccurs="1" name="AssignAgentRouterDate" type="s:dateTime" />
          <s:element minOccurs="1" maxOccurs="1" name="IdConnection" type="s:int" />
          <s:element minOccurs="1" maxOccurs="1" name="IdRequestTransfer" type="s:int" />
          <s:element minOccurs="0" maxOccurs="1" name="UserName" type="s:string" />
          <s:element minOccurs="0" maxOccurs="1" name="UserLastName" type="s:string" />
          <s:element minOccurs="0" maxOccurs="1" name="UserEmail" type="s:string" />
          <s:element minOccurs="1" maxOccurs="1" name="UserOffsetTime" type="s:int" />
          <s:element minOccurs="0" maxOccurs="1" name="EncryptedChatRequestId" type="s:string" />
        </s:sequence>
      </s:complexType>
    </s:schema>
  </wsdl:types>
  <wsdl:message name="GetChatRequestByConnectionIdSoapIn">
    <wsdl:part name="parameters" element="tns:GetChatRequestByConnectionId" />
  </wsdl:message>
  <wsdl:message name="GetChatRequestByConnectionIdSoapOut">
    <wsdl:part name="parameters" element="tns:GetChatRequestByConnectionIdResponse" />
  </wsdl:message>
  <wsdl:portType name="TPClientWebServicesAPISoap">
    <wsdl:operation name="GetChatRequestByConnectionId">
      <wsdl:input message="tns:GetChatRequestByConnectionIdSoapIn" />
      <wsdl:output message="tns:GetChatRequestByConnectionIdSoapOut" />
    </wsdl:operation>
  </wsdl:portType>
  <wsdl:binding name="TPClientWebServicesAPISoap" type="tns:TPClientWebServicesAPISoap">
    <soap:binding transport="http://schemas.xmlsoap.org/soap/http" />
    <wsdl:operation name="GetChatRequestByConnectionId">
      <soap:operation soapAction="http://tempuri.org/GetChatRequestByConnectionId" style="document" />
      <wsdl:input>
        <soap:body use="literal" />
      </wsdl:input>
      <wsdl:output>
        <soap:body use="literal" />
      </wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:binding name="TPClientWebServicesAPISoap12" type="tns:TPClientWebServicesAPISoap">
    <soap12:binding transport="http://schemas.xmlsoap.org/soap/http" />
    <wsdl:operation name="GetChatRequestByConnectionId">
      <soap12:operation soapAction="http://tempuri.org/GetChatRequestByConnectionId" style="document" />
      <wsdl:input>
        <soap12:body use="literal" />
      </wsdl:input>
      <wsdl:output>
        <soap12:body use="literal" />
      </wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="TPClientWebServicesAPI">
    <wsdl:port name="TPClientWebServicesAPISoap" binding="tns:TPClientWebServicesAPISoap">
      <soap:address location="${address}" />
    </wsdl:port>
    <wsdl:port name="TPClientWebServicesAPISoap12" binding="tns:TPClientWebServicesAPISoap12">
      <soap12:address location="${address}" />
    </wsdl:port>
  </wsdl:service>
</wsdl:definitions>`
}
