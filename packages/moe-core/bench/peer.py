"""The other side of harness.mjs: a line of JSON in, a line of JSON out."""
import json, sys, time


def serve(**functions):
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"result": functions[request["name"]](**request["args"])}), flush=True)


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
