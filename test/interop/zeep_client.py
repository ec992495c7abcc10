"""Asks the service with zeep: {wsdl, version, credentials, ids} as JSON on stdin, a JSON list of what was read on stdout."""

import datetime
import json
import sys

import zeep
import zeep.exceptions
import zeep.helpers

asked = json.load(sys.stdin)
client = zeep.Client(asked["wsdl"])
port = "TPClientWebServicesAPISoap" + ("12" if asked["version"] == "1.2" else "")
service = client.bind("TPClientWebServicesAPI", port)


def plain(value):
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def fault_of(error):
    detail = [] if error.detail is None else [each.text for each in error.detail]
    return {"code": error.code, "string": error.message, "actor": error.actor, "detail": "".join(detail) or None}


def read(connection_id):
    try:
        answer = service.GetChatRequestByConnectionId(**asked["credentials"], ChatConnectionIDBD=connection_id)
        return {"result": plain(zeep.helpers.serialize_object(answer, dict))}
    except zeep.exceptions.Fault as error:
        return {"fault": fault_of(error)}
    except Exception as error:
        return {"refused": type(error).__name__ + ": " + str(error)}


json.dump([read(each) for each in asked["ids"]], sys.stdout)
