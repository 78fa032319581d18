"""Programs that look for a way out. None is aimed at anything but this machine's loopback."""

from __future__ import annotations

from tests.support.attacks.case import Attack, refused_everything
from tests.support.attacks.host import listeners

ATTACKS = (
    Attack(
        name="look for interfaces and routes",
        expected="only `lo` and no route, or no socket at all",
        code="""
try:
    socket.socket(socket.AF_INET).close()
except PermissionError:
    pass  # No socket at all: whatever the tables say leads nowhere.
else:
    with open("/proc/net/dev") as file:
        names = [line.split(":")[0].strip() for line in file.readlines()[2:]]
    if names != ["lo"]: print("interfaces", names)
    with open("/proc/net/route") as file:
        if file.readlines()[1:]: print("there are routes")
    with open("/proc/net/ipv6_route") as file:
        if [line for line in file if not line.rstrip().endswith("lo")]: print("IPv6 routes")
print("done")
""",
        judge=refused_everything,
    ),
    Attack(
        name="sockets of every family",
        expected="EPERM but for UNIX, INET and INET6; no raw socket",
        code="""
for family in range(64):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
        except OSError as error:
            if error.errno == errno.EPERM: continue
            if family in (1, 2, 10): continue  # A kind that the family does not have.
            print("family", family, error)
        else:
            if family not in (1, 2, 10) or (family != 1 and kind == socket.SOCK_RAW):
                print("family", family, "kind", kind)
print("done")
""",
        judge=refused_everything,
    ),
    Attack(
        name="the host's listeners on loopback and on names",
        expected="unreachable, nobody connects",
        code="""
port, name, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
def connect(family, kind, address):
    with socket.socket(family, kind) as client:
        client.settimeout(2)
        client.connect(address)
        return client.recv(2)
attempt("tcp", connect, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))
attempt("tcp 6", connect, socket.AF_INET6, socket.SOCK_STREAM, ("::1", port))
attempt("tcp 4in6", connect, socket.AF_INET6, socket.SOCK_STREAM, ("::ffff:127.0.0.1", port))
attempt("abstract", connect, socket.AF_UNIX, socket.SOCK_STREAM, "\\0" + name)
attempt("path", connect, socket.AF_UNIX, socket.SOCK_STREAM, path)
print("done")
""",
        judge=refused_everything,
        scene=listeners,
    ),
    Attack(
        name="the sockets of container engines",
        expected="absent, or refused",
        code="""
def ping(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(path)
        client.sendall(b"GET /_ping HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n")
        return client.recv(64)
for name in ("docker.sock", "containerd/containerd.sock", "docker/containerd/containerd.sock",
             "podman/podman.sock", "crio/crio.sock", "dbus/system_bus_socket"):
    for folder in ("/run/", "/var/run/", "/proc/1/root/run/", "/proc/self/root/var/run/"):
        attempt(folder + name, ping, folder + name)
print("done")
""",
        judge=refused_everything,
    ),
)
