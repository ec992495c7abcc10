# apt install python3-requests (or pip install requests)
import json, os
import requests
from requests.adapters import HTTPAdapter, Retry

lookups = os.environ.get("API_URL", "http://127.0.0.1:8080") + "/v1/lookups"
api = requests.Session()
api.headers["Authorization"] = "Bearer " + os.environ.get("API_TOKEN", "none")
# Asks again when the connection is lost, and as Retry-After says. Each lookup has a key, so that this is safe.
again = Retry(5, status_forcelist=[429, 503], allowed_methods=None, backoff_factor=1)
for scheme in ["http://", "https://"]:
    api.mount(scheme, HTTPAdapter(max_retries=again))

# A person waits: the result, or after 30 s status 202 and none. The lookup stays on its queue.
lookup = {"connectionId": "12345", "correlationId": "order-7", "idempotencyKey": "order-7", "interactive": True}
answer = api.post(lookups, params={"wait": 30}, json=lookup, timeout=40)
answer.raise_for_status()
print(json.dumps(answer.json().get("chatRequest"), ensure_ascii=False))

# Up to 10,000 in a request. Their results go on the result queue.
backfill = [{"connectionId": id, "idempotencyKey": f"backfill-{id}"} for id in ["4", "5"]]
answer = api.post(lookups, json={"lookups": backfill}, timeout=40)
answer.raise_for_status()
for ack in answer.json()["lookups"]:
    print(ack["lookupId"], ack["isNew"])
