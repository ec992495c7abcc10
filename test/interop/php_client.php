<?php
// Asks the service with PHP's SoapClient: {wsdl, version, credentials, ids} as JSON on stdin, a JSON list of what was read on stdout.

$asked = json_decode(stream_get_contents(STDIN));
$client = new SoapClient($asked->wsdl, [
    'soap_version' => $asked->version === '1.2' ? SOAP_1_2 : SOAP_1_1,
    'cache_wsdl' => WSDL_CACHE_NONE,
    'exceptions' => true,
]);

function fault_of(SoapFault $fault): array
{
    return [
        'code' => $fault->faultcode,
        'string' => $fault->faultstring,
        'actor' => $fault->faultactor ?? null,
        'detail' => isset($fault->detail) ? ($fault->detail === '' ? null : $fault->detail) : null,
    ];
}

function read(SoapClient $client, array $credentials, string $id): array
{
    try {
        $answer = $client->GetChatRequestByConnectionId($credentials + ['ChatConnectionIDBD' => $id]);
        return ['result' => $answer->GetChatRequestByConnectionIdResult ?? null];
    } catch (SoapFault $fault) {
        // What SoapClient finds wrong itself comes as a fault without an envelope behind it.
        $own = in_array($fault->faultstring, ['looks like we got no XML document', 'SOAP-ERROR: Parsing'], true);
        return $own ? ['refused' => $fault->faultstring] : ['fault' => fault_of($fault)];
    }
}

$read = array_map(fn ($id) => read($client, (array) $asked->credentials, $id), $asked->ids);
echo json_encode($read, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
