#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
# Plays the toolstack for one virtual interface between a frontend process in this domain and its netback.
#
#   vif.sh add QUEUES MTU [FEATURE=VALUE...]   both directories; returns when netback waits for the frontend
#   vif.sh remove                              both directories and netback's device
#   vif.sh add-backend MTU, remove-backend     the backend's half alone
back=/local/domain/0/backend/vif/0/0
front=/local/domain/0/device/vif/0
mac=00:16:3e:5e:00:01

until_true() { # COMMAND...: looks again for a minute at least
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -gt 1200 ] && return 1
        usleep 50000
    done
}
netback_looked() { xenstore-read "$back/feature-ctrl-ring" "$back/state" 2> /dev/null | tail -n 1 | grep -q '[2-6]'; }
gone() { [ ! -e /sys/class/net/vif0.0 ]; }

write() { # DIRECTORY KEY=VALUE...: all at once
    directory=$1
    shift
    for pair in "$@"; do
        set -- "$@" "$directory/${pair%%=*}" "${pair#*=}"
        shift
    done
    xenstore-write "$@"
}

add_backend() { # MTU
    write "$back" "frontend=$front" frontend-id=0 online=1 handle=0 "mac=$mac" script=none "mtu=$1" \
        hotplug-status=connected state=1
    until_true netback_looked || { echo "netback did not get ready: state $(xenstore-read "$back/state")"; exit 1; }
}

remove_backend() {
    xenstore-rm "$back"
    until_true gone || { echo "netback did not take vif0.0 away"; exit 1; }
}

case "$1" in
add)
    echo "$2" > /sys/module/xen_netback/parameters/max_queues
    echo 32768 > /sys/module/xen_gntalloc/parameters/limit
    write "$front" "backend=$back" backend-id=0 handle=0 "mac=$mac" "mtu=$3" state=1
    add_backend "$3"
    shift 3
    [ $# -eq 0 ] || write "$back" "$@"
    ;;
add-backend) add_backend "$2" ;;
remove)
    remove_backend
    xenstore-rm "$front"
    ;;
remove-backend) remove_backend ;;
*)
    echo "vif.sh: add, remove, add-backend or remove-backend"
    exit 2
    ;;
esac
