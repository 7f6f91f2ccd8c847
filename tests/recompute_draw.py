#!/usr/bin/env python3
"""Recomputes a draw from what is published about it, and from nothing else.

Usage: recompute_draw.py FILE      (the page's .json, or - for standard input)
       recompute_draw.py --vectors FILE

Prints what it found, and ends with 1 where the published outcome does not follow from the published data. It shares no
code with the program. What it cannot know is whether the beacon really said so: look its round up at any node of the
beacon's network (the address is printed)."""
import hashlib
import json
import sys


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def roll(seed, client_seed, nonce, total):
    proof = sha256(f"{seed}:{client_seed}:{nonce}")
    return proof, int(proof[:16], 16) % total + 1


def holder(entries, ticket):
    for entry in entries:
        if ticket <= entry["tickets"]:
            return entry["code"]
        ticket -= entry["tickets"]
    raise ValueError("no such ticket")


def check_vectors(vectors):
    for vector in vectors:
        yield "the commitment is that of the seed", sha256(vector["server_seed"]) == vector["commitment"]
        found = roll(vector["server_seed"], vector["client_seed"], vector["nonce"], vector["total_tickets"])
        yield "proof and ticket", found == (vector["proof_hash"], vector["winning_ticket"])


def check_draw(published):
    entries, seed = published["entries"], published["server_seed"]
    yield "the seed is the one that was committed to", sha256(seed) == published["commitment"]
    listed = "".join(f"{n} {e['code']} {e['tickets']}\n" for n, e in enumerate(entries, 1))
    yield "the entries are those of the close", sha256(listed) == published["entries_hash"]
    beacon = published["beacon"]
    round_, random = ("-", "-")
    if beacon:
        round_, random = beacon["round"], beacon["randomness"]
        signature = hashlib.sha256(bytes.fromhex(beacon["signature"])).hexdigest()
        yield "the beacon's number is that of its signature", signature == random
        yield "the beacon spoke after the close", beacon["time"] > published["closed_at"]
        print(f"      look it up: {beacon['url']}")
    gone = []
    for place, drawn in enumerate(published["winners"], 1):
        left = [entry for entry in entries if entry["code"] not in gone]
        total = sum(entry["tickets"] for entry in left)
        client = f"{published['id']}:{total}:{len(left)}:{published['entries_hash']}:{round_}:{random}"
        proof, ticket = roll(seed, client, place, total)
        code = holder(left, ticket)
        same = (proof, ticket, total, code) == (drawn["proof"], drawn["ticket"], drawn["total"], drawn["code"])
        yield f"draw {place}: ticket {ticket} of {total}, entry {code}", same and drawn["nonce"] == place
        gone.append(code)
    yield "as many were drawn as there could be", len(gone) >= min(published["winner_count"], len(entries))


def main(arguments):
    is_vectors = arguments[:1] == ["--vectors"]
    (name,) = arguments[1:] if is_vectors else arguments
    with sys.stdin if name == "-" else open(name, encoding="utf-8") as file:
        published = json.load(file)
    findings = list(check_vectors(published) if is_vectors else check_draw(published))
    for what, holds in findings:
        print("ok   " if holds else "WRONG", what)
    sys.exit(0 if findings and all(holds for _, holds in findings) else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
