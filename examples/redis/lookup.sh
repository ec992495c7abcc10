# apt install redis-tools jq
redis() { redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379}" "$@"; }
id="try-$(date +%s)"
redis <<END
MULTI
HSET bull:chat-lookups:$id name lookup data '{"connectionId":"12345"}' opts '{}' timestamp $(date +%s)000
LPUSH bull:chat-lookups:wait $id
ZADD bull:chat-lookups:marker 0 0
EXEC
END
# Looks at its result, and leaves it on the queue. A consumer may have taken it before.
for _ in $(seq 30); do
  result=$(redis --raw HGET "bull:chat-results:rs-$id" data)
  [ -z "$result" ] || break
  sleep 1
done
[ -n "$result" ] && printf '%s\n' "$result" | jq -e .chatRequest
