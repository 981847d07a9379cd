#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
# Plays the toolstack for one virtual interface between a frontend process in this domain and its netback.
#
#   vif.sh add QUEUES MTU [FEATURE=VALUE...]   both directories; returns when netback waits for the frontend
#   vif.sh remove                              both directories and netback's device
back=/local/domain/0/backend/vif/0/0
front=/local/domain/0/device/vif/0
mac=00:16:3e:5e:00:01

until_true() { # COMMAND...: looks again for 10 s
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -gt 200 ] && return 1
        usleep 50000
    done
}
state_is() { [ "$(xenstore-read "$back/state" 2> /dev/null)" = "$1" ]; }
gone() { [ ! -e /sys/class/net/vif0.0 ]; }

case "$1" in
add)
    echo "$2" > /sys/module/xen_netback/parameters/max_queues
    echo 32768 > /sys/module/xen_gntalloc/parameters/limit
    for pair in "backend=$back" backend-id=0 handle=0 "mac=$mac" "mtu=$3" state=1; do
        xenstore-write "$front/${pair%%=*}" "${pair#*=}"
    done
    # state last: netback looks at the rest when it sees that.
    for pair in "frontend=$front" frontend-id=0 online=1 handle=0 "mac=$mac" script=none "mtu=$3" hotplug-status=connected state=1; do
        xenstore-write "$back/${pair%%=*}" "${pair#*=}"
    done
    until_true state_is 2 || { echo "netback did not get ready: state $(xenstore-read "$back/state")"; exit 1; }
    shift 3
    for pair in "$@"; do
        xenstore-write "$back/${pair%%=*}" "${pair#*=}"
    done
    ;;
remove)
    xenstore-rm "$back"
    xenstore-rm "$front"
    until_true gone || { echo "netback did not take vif0.0 away"; exit 1; }
    ;;
*)
    echo "vif.sh: add or remove"
    exit 2
    ;;
esac
