"""Order of training rows: row-order.ts, written a second time, for the generators of vectors."""
import hashlib, struct


def row_order(seed, rows, count):
    """Row numbers of the first `count` places."""
    out, epoch = [], 0
    while len(out) < count:
        words, block = [], 0
        def word():
            nonlocal words, block
            if not words:
                words = list(struct.unpack("<8I", hashlib.sha256(f"connito/row-order/v1\0{seed}\0{epoch}\0{block}".encode()).digest()))
                block += 1
            return words.pop(0)
        order = list(range(rows))
        for last in range(rows - 1, 0, -1):
            bound = last + 1
            limit = 2**32 - 2**32 % bound
            w = word()
            while w >= limit:
                w = word()
            other = w % bound
            order[last], order[other] = order[other], order[last]
        out += order
        epoch += 1
    return out[:count]
