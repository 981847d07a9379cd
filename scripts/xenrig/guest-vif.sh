#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The toolstack's hook for a guest's network device. Where the device is attached is the rig's business: netback only
# has to see that somebody looked after it.
case "$1" in
online) xenstore-write "$XENBUS_PATH/hotplug-status" connected ;;
offline | remove) xenstore-rm "$XENBUS_PATH/hotplug-status" 2> /dev/null ;;
esac
exit 0
