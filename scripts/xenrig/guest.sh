#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Domain 0's part in a guest.
#
#   guest.sh create pv|pvh MEGABYTES PROCESSORS   makes and starts it; prints its number and the terminal that is its
#                                                 console
#   guest.sh save, restore                        suspends it and ends the domain; makes another of it, and prints what
#                                                 create does
#   guest.sh attach QUEUES MTU [FEATURE=VALUE...] a network device, handle 0; when netback waits for the frontend,
#                                                 prints the name of netback's device
#   guest.sh detach                               the device, both halves; the wire side's servers end
name=guest
mac=00:16:3e:5e:00:01
number() { xl domid $name; }
terminal() { xenstore-read "/local/domain/$(number)/console/tty" 2> /dev/null; }
back() { echo "/local/domain/0/backend/vif/$(number)/0"; }
until_true() { # COMMAND...: tries again for a minute at least
    for ((tries = 0; tries < 1200; tries++)); do
        "$@" && return 0
        usleep 50000
    done
    return 1
}

where() { until_true terminal > /dev/null && echo "$(number) $(terminal)"; }

prepare() {
    mount | grep -q devpts || mount -t devpts devpts /dev/pts
    mkdir -p /etc/xen /var/log/xen /run/lock /run/netns
    echo 'autoballoon="off"' > /etc/xen/xl.conf
    pidof xenconsoled > /dev/null || xenconsoled --pid-file=/run/xen/xenconsoled.pid
    [ -e /run/netns/wire ] || ip netns add wire
}

create() { # pv|pvh MEGABYTES PROCESSORS
    prepare
    cat > /run/guest.cfg << END
name = "$name"
type = "$1"
kernel = "/guest/kernel"
ramdisk = "/guest/initrd"
extra = "console=hvc0 quiet net.ifnames=0 mitigations=off"
memory = $2
vcpus = $3
on_crash = "preserve"
END
    xl create -q /run/guest.cfg && where
}

waiting() { [ "$(xenstore-read "$(back)/state" 2> /dev/null)" = 2 ]; }

attach() { # QUEUES MTU [FEATURE=VALUE...]
    echo "$1" > /sys/module/xen_netback/parameters/max_queues
    xl network-attach $name "mac=$mac" script=guest-vif "mtu=$2" || exit 1
    until_true waiting || { echo "netback did not get ready: state $(xenstore-read "$(back)/state")"; exit 1; }
    xenstore-write "$(back)/mtu" "$2"
    shift 2
    for pair in "$@"; do
        xenstore-write "$(back)/${pair%%=*}" "${pair#*=}"
    done
    echo "vif$(number).0"
}

case "$1" in
create) create "$2" "$3" "$4" ;;
attach)
    shift
    attach "$@"
    ;;
detach)
    # Servers of the wire side would keep their ports in a namespace that the next device meets again.
    servers=$(ip netns pids wire)
    [ -z "$servers" ] || kill $servers
    xl network-detach $name 0
    ;;
save) xl save $name /run/guest.save ;;
restore) xl restore /run/guest.save && rm /run/guest.save && where ;;
*)
    echo "guest.sh: create, save, restore, attach or detach"
    exit 2
    ;;
esac
