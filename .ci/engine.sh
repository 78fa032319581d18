#!/usr/bin/env bash
# Makes a Docker engine answer on this machine: installs it where apt can, starts it where it is
# not running, and does nothing where one answers already. Idempotent; meant for root in CI.
#
#   .ci/engine.sh          start (the default)
#   .ci/engine.sh stop     end the engine that this script started
set -euo pipefail

SOCK=${MLE_DOCKER_SOCK:-/var/run/docker.sock}
PIDFILE=${MLE_DOCKER_PID:-/var/run/docker.pid}
CONTAINERD_PID=/var/run/docker/containerd/containerd.pid
LOG=${MLE_DOCKER_LOG:-/var/log/mle-dockerd.log}

ping() {
    python3 - "$SOCK" <<'PY' 2>/dev/null
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(2)
    s.connect(sys.argv[1])
    s.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
    sys.exit(0 if b"200 OK" in s.recv(64) else 1)
PY
}

# Whether process $1 lives and is the program $2: a zombie or a reused number is not.
alive() {
    [[ -r /proc/$1/stat ]] || return 1
    [[ $(cat "/proc/$1/comm") == "$2" ]] || return 1
    [[ $(sed 's/.*) //' "/proc/$1/stat" | cut -c1) != Z ]]
}

drop_stale() {
    local file=$1 program=$2
    if [[ -s $file ]] && ! alive "$(cat "$file")" "$program"; then rm -f "$file"; fi
}

install_engine() {
    local missing=()
    command -v dockerd >/dev/null || missing+=(docker.io)
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    ((${#missing[@]})) || return 0
    apt-get update -qq
    # The package's own start is refused by policy-rc.d in containers; that is no error here.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# For the tests that run in gVisor; the engine works without.
install_gvisor() {
    command -v runsc >/dev/null && return 0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends runsc ||
        echo "gVisor cannot be installed here: its test will be skipped"
}

# An engine without cgroup controllers starts and then fails each container.
mount_cgroups() {
    mountpoint -q /sys/fs/cgroup && return 0
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    local name
    while read -r name; do
        mkdir -p "/sys/fs/cgroup/$name"
        mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || rmdir "/sys/fs/cgroup/$name"
    done < <(awk '!/^#/ && $4 == 1 {print $1}' /proc/cgroups)
}

launch() {
    drop_stale "$PIDFILE" dockerd
    # After a kill -9, containerd stays behind as a zombie and dockerd believes its pid file.
    drop_stale "$CONTAINERD_PID" containerd
    # Containers of the sandbox have no network, so the engine needs neither bridge nor iptables.
    setsid nohup dockerd --iptables=false --ip-masq=false --bridge=none --live-restore \
        -p "$PIDFILE" -H "unix://$SOCK" >>"$LOG" 2>&1 </dev/null &
    for _ in $(seq 300); do
        ping && return 0
        sleep 0.1
    done
    return 1
}

start() {
    if ping; then
        echo "docker: already running"
        return 0
    fi
    install_engine
    install_gvisor
    mount_cgroups
    if launch || launch; then
        echo "docker: started (log: $LOG)"
        return 0
    fi
    echo "docker: the engine did not start; the end of $LOG:" >&2
    tail -n 30 "$LOG" >&2
    return 1
}

stop() {
    local pid
    pid=$(cat "$PIDFILE" 2>/dev/null) || { echo "docker: not running"; return 0; }
    alive "$pid" dockerd || { echo "docker: not running"; return 0; }
    kill -TERM "$pid"
    for _ in $(seq 200); do
        alive "$pid" dockerd || { echo "docker: stopped"; return 0; }
        sleep 0.1
    done
    echo "docker: process $pid does not end" >&2
    return 1
}

case "${1:-start}" in
start | stop) "${1:-start}" ;;
*)
    echo "usage: $0 [start|stop]" >&2
    exit 2
    ;;
esac
