<?php // apt install php-cli php-curl (PHP 8.2 or newer)
$curl = curl_init((getenv('API_URL') ?: 'http://127.0.0.1:8080') . '/v1/lookups?wait=30');
$lookup = ['connectionId' => '12345', 'correlationId' => 'order-7', 'interactive' => true];
curl_setopt_array($curl, [
    CURLOPT_POSTFIELDS => json_encode($lookup),
    CURLOPT_HTTPHEADER => [
        'Authorization: Bearer ' . (getenv('API_TOKEN') ?: 'none'),
        'Content-Type: application/json',
        'Idempotency-Key: order-7', // so that it is safe to ask again
    ],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 40,
]);
for ($try = 1; ; $try++) {
    $body = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE); // 0: no answer
    if ($try === 5 || !in_array($status, [0, 429, 503])) break;
    sleep(curl_getinfo($curl, CURLINFO_RETRY_AFTER) ?: 1);
}
if ($status !== 200) { // 202: no result within 30 s; the lookup stays on its queue
    fwrite(STDERR, "$status: " . ($body ?: curl_error($curl)) . "\n");
    exit(1);
}
echo json_encode(json_decode($body)->chatRequest, JSON_UNESCAPED_UNICODE), "\n";
