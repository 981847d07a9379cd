#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
# A guest's first process: modules, then the agent on the console, which it has for itself from there on.
mkdir -p /busybox
/bin/busybox --install -s /busybox
export PATH=/bin:/usr/sbin:/busybox
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
echo "rig: user space"
for module in $(cat /modules/order); do
    insmod "/modules/$module" || echo "rig: module $module does not load"
done
# What the testbed shares with the backend: rings and buffers of all queues.
echo 32768 > /sys/module/xen_gntalloc/parameters/limit
ip link set lo up
dmesg -n 1
bash /agent /dev/hvc0
poweroff -f
