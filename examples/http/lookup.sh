# apt install curl jq
url="${API_URL:-http://127.0.0.1:8080}/v1/lookups"
# Through stdin, because everybody on the machine sees the arguments of a program.
headers() { printf 'Authorization: Bearer %s\nContent-Type: %s\n' "${API_TOKEN:-none}" "$1"; }

# A person waits: the result, or after 30 s none, and jq ends with 1. The key makes it safe to ask again.
lookup='{"connectionId":"12345","correlationId":"order-7","idempotencyKey":"order-7","interactive":true}'
headers application/json | curl -fsS --retry 5 -H @- -d "$lookup" "$url?wait=30" -o answer.json
jq -e .chatRequest answer.json

# Any number in one request, a lookup a line; an answer for each. Their results go on the result queue.
printf '%s\n' 4 5 | jq -cR '{connectionId: ., idempotencyKey: "backfill-\(.)"}' >backfill.ndjson
headers application/x-ndjson | curl -fsS -X POST -H @- -T backfill.ndjson "$url"
