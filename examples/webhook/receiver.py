# A receiver of webhooks that checks the signature: python3 receiver.py. Needs Python alone.
import base64, hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

secret = os.environ.get("WEBHOOK_SECRET", "")
key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
OLDEST_SECONDS = 300  # an older message may have been recorded and sent again


def is_signed(headers, body):
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) >= OLDEST_SECONDS:
        return False
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), expected.encode()) for one in given)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if is_signed(self.headers, body):
            result = json.loads(body)
            name = (result.get("chatRequest") or {}).get("userName")
            print(self.headers["webhook-id"], result["status"], name, flush=True)  # yours: upsert on webhook-id
        self.send_response(204 if is_signed(self.headers, body) else 401)  # only after a 2xx does it leave the queue
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8000))), Receiver)
print(f"listening on {server.server_port}", flush=True)
server.serve_forever()
