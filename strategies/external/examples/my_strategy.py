#!/usr/bin/env python3
"""One cut: the first blocks run on the leader, the others on the node where that is over first.

    hidp plan --model resnet18 --strategy "exec:python3 strategies/external/examples/my_strategy.py"

Standard input brings a message of JSON per line, standard output takes one; print to standard error for yourself.
docs/external-strategy.schema.json says what is in the messages. Your own method goes into choose().
"""
import json
import sys


def say(message):
    print(json.dumps(message), flush=True)


def choose(problem):
    """Returns the first layer that runs on another node, and that node; (number of layers, leader) if there is none."""
    layers, blocks = problem["model"]["layers"], problem["model"]["blocks"]
    nodes, batch = problem["platform"]["nodes"], problem["batch"]
    links = {(link["from"], link["to"]): link for link in problem["platform"]["links"]}
    there = [node["name"] for node in nodes].index(problem["leader"])

    def compute(node, first, end):
        """Seconds of the layers from first up to end on the default cluster of a node."""
        names = [cluster["name"] for cluster in nodes[node]["clusters"]]
        k = names.index(nodes[node]["default_cluster"])
        seconds = nodes[node]["clusters"][k]["invoke_seconds"]
        for layer in range(first, end):
            seconds += problem["prices"][node][k][layer]
        return seconds if end > first else 0.0

    def send(sender, receiver, layer):
        """Seconds of a layer's tensor between two nodes; None if they cannot reach one another."""
        link = links.get((nodes[sender]["name"], nodes[receiver]["name"]))
        if link is None:
            return None
        return link["seconds"] + layers[layer]["output_bytes"] * batch / link["bytes_per_second"]

    end = len(layers)
    best, least = (end, there), compute(there, 1, end)
    for node in range(len(nodes)):
        for first, _ in blocks:
            up, down = send(there, node, first - 1), send(node, there, end - 1)
            if node == there or up is None or down is None:
                continue
            seconds = compute(there, 1, first) + up + compute(node, first, end) + down
            if seconds < least:
                best, least = (first, node), seconds
    return best


def plan(problem):
    """The plan of a choice, as in the files of hidp plan -o plan.json."""
    cut, other = choose(problem)
    nodes, leader, end = problem["platform"]["nodes"], problem["leader"], len(problem["model"]["layers"])
    ops = []

    def add(**op):
        ops.append(dict(op, id=len(ops), after=[len(ops) - 1] if ops else []))

    if cut > 1:
        cluster = next(n["default_cluster"] for n in nodes if n["name"] == leader)
        add(kind="compute", node=leader, cluster=cluster, layers=[1, cut])
    if cut < end:
        there = nodes[other]["name"]
        add(kind="send", **{"from": leader}, to=there, layer=cut - 1)
        add(kind="compute", node=there, cluster=nodes[other]["default_cluster"], layers=[cut, end])
        add(kind="send", **{"from": there}, to=leader, layer=end - 1)
    return {"version": 1, "model": problem["model"]["name"], "leader": leader, "batch": problem["batch"], "ops": ops}


for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "hello":
        say({"type": "hello", "protocol": 1, "uses_backlog": False})
    elif message["type"] == "problem":
        say({"type": "plan", "id": message["id"], "plan": plan(message)})
