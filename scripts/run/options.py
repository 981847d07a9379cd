# SPDX-License-Identifier: BSD-2-Clause
"""run.py's options: their values are checked here, before anything is installed, built or started."""

import os
from pathlib import Path

from scripts.cli import Parser, Stop, existing_file, new_file, number, output_file, one_of, words_of

WINDOWS = ("7", "8.1", "10-1809", "10-22h2", "11-24h2", "2025")
VIF = ("8", "9", "10")
RELEASE_VARIABLE = "XENNET_XENVIF_LIKE"     # read by the programs of the driver's tests, and by the explorer
RELEASES = {"strict": VIF, "8.2": ("8",), "9.1": VIF, "9.1-r3": VIF, "main": VIF}  # of XenVif, and what each offers
XEN_GUESTS = ("pv", "pvh")
BACKEND_FEATURES = ("sg", "gso-tcpv4", "gso-tcpv6", "csum", "ipv6-csum", "multi-queue", "split-event-channels",
                    "ctrl-ring",
                    "multicast-control", "rx-notify", "mtu", "speed")
MAX_QUEUES = 16
MAX_PROCESSORS, MAX_GROUP, MAX_GROUPS = 256, 64, 32
MAX_RATE = 100_000_000  # 100 Gb/s
MIN_MTU, MAX_MTU = 1280, 9000  # what IPv6 needs; jumbo frames
MAX_MTU_WITHOUT_SG = 1500
MAX_FRAME, PCAP_LIMIT = 65535 + 18, 1000
SECONDS, QUICK_SECONDS = 5, 2

USAGE = "run.py [options] [--shell | -- COMMAND...]"
DESCRIPTION = """\
Two network namespaces joined only by xennet.sys: the driver that ships carries real traffic from one Linux
TCP/IP stack to another. Without a command it shows ping, TCP, UDP and a download, and sums them up."""
REST = f"""\
Features of the backend: {', '.join(BACKEND_FEATURES[:6])},
  {', '.join(BACKEND_FEATURES[6:])}.
"""
EPILOG = """\
A command or shell runs on the guest side, 198.18.0.2 and fd00:18::2. On the wire side, 198.18.0.1 and fd00:18::1,
iperf3 (port 5201) and a web server (port 80) are up; more: nsenter --net=$XENNET_WIRE_NETNS COMMAND...

  ./run.py --quick --queues 2 --report page.html
  ./run.py --windows 7 -- iperf3 -c 198.18.0.1

Exit status: 0 all of it worked; 1 something did not; 2 something to put right first; with a command, the command's."""
SELDOM = ("--pcap-bytes", "--pcap-limit", "--processors", "--group-size", "--inf", "--xenvif-inf", "--backend-rate",
          "--xen-guest", "--debug-commands", "--lenient", "--checked", "--races", "--spread")


def parser():
    options = Parser(prog="run.py", usage=USAGE, description=DESCRIPTION, epilog=EPILOG)
    add = options.add_argument
    add("--shell", action="store_true", help="open a shell on the guest side")
    add("--open", metavar="FOLDER", help="show what a failed run has left (build/failures)")
    add("--quick", action="store_true", help=f"a short show: {QUICK_SECONDS} s for each iperf3 run")
    add("--seconds", metavar="N", type=number("--seconds", 1, 3600),
        help=f"how long each iperf3 run takes (default {SECONDS})")
    add("--json", metavar="FILE", type=output_file("--json"), help="write the summary for programs")
    add("--report", metavar="FILE", type=new_file("--report"),
        help="write a page with plots to look at (HTML); the show then measures latency, too")
    add("--timeline", metavar="FILE", type=new_file("--timeline"),
        help="write what happened when (JSON), for ui.perfetto.dev or chrome://tracing")
    add("--pcap", metavar="FILE", type=new_file("--pcap"),
        help="record both edges of the driver for Wireshark (the show is then short, unless --seconds is given)")
    add("--pcap-bytes", metavar="N", type=number("--pcap-bytes", 14, MAX_FRAME),
        help="with --pcap: keep at most N bytes of each frame (default: all)")
    add("--pcap-limit", metavar="MB", type=number("--pcap-limit", 1, 1_000_000),
        help=f"with --pcap: leave frames out once the file has MB million bytes (default {PCAP_LIMIT})")
    add("--queues", metavar="N", type=number("--queues", 1, MAX_QUEUES),
        help="queues offered (default: this machine's processors, at most 4)")
    add("--processors", metavar="N", type=number("--processors", 1, MAX_PROCESSORS),
        help="simulated processors, if not one for each queue")
    add("--group-size", metavar="N", type=number("--group-size", 1, MAX_GROUP),
        help="processors in each processor group (default 64)")
    add("--spread", action="store_true",
        help="leave it to the host which of its processors the threads run on that packets pass through")
    add("--mtu", metavar="N", type=number("--mtu", MIN_MTU, MAX_MTU), default=1500,
        help="MTU of both sides (default 1500)")
    add("--driver", metavar="FILE", type=existing_file("--driver"),
        help="another NDIS 6 miniport for XenVif (default: the one built here)")
    add("--inf", metavar="FILE", type=existing_file("--inf"), help="its INF (default: the .inf beside the driver)")
    add("--checked", action="store_true", help="run the driver's checked build: assertions, debug output")
    add("--races", action="store_true", help="run a build of the driver whose accesses to memory are looked at: races, "
        "another processor's data (slow)")
    add("--set", metavar="KEYWORD=VALUE", action="append", default=[], type=setting,
        help="set a keyword as in Device Manager; may be repeated")
    add("--windows", metavar="VERSION", type=one_of("--windows", WINDOWS),
        help=f"the Windows to simulate: {', '.join(WINDOWS)} (default 10-22h2)")
    add("--xenvif", metavar="FILE", type=existing_file("--xenvif"),
        help="a xenvif.sys to run beneath the driver, instead of the testbed's own stand-in for it")
    add("--xenvif-inf", metavar="FILE", type=existing_file("--xenvif-inf"),
        help="its INF (default: the .inf beside it)")
    add("--xenvif-like", metavar="RELEASE", type=one_of("--xenvif-like", tuple(RELEASES)),
        help=f"the release of XenVif to behave like: {', '.join(RELEASES)} (default strict: the hardest of each)")
    add("--vif", metavar="N", type=one_of("--vif", VIF),
        help="the XenVif interface version to offer: 8, 9, 10 (default: the newest that the release has)")
    add("--backend-no", metavar="LIST", type=words_of("--backend-no", BACKEND_FEATURES),
        help="features to take away from the backend, joined by commas; --help-all names them")
    add("--backend-rate", metavar="KBITS", type=number("--backend-rate", 1, MAX_RATE),
        help="thousands of bits a second that the backend takes from the guest on each queue (default: no limit)")
    add("--bypass", action="store_true", help="join the two sides without a driver, to compare")
    add("--xen", action="store_true", help="carry the traffic through the real Xen and the real Linux netback, in "
        "QEMU's software emulation")
    add("--xen-guest", metavar="KIND", type=one_of("--xen-guest", XEN_GUESTS),
        help=f"with --xen: the testbed in a guest of its own, not in domain 0: {' or '.join(XEN_GUESTS)}")
    add("--debug", action="store_true", help="run under lldb, with the symbols of the driver and the testbed")
    add("--debug-commands", metavar="FILE", type=existing_file("--debug-commands"),
        help="with --debug: carry out lldb's commands in FILE instead of asking for some")
    add("--guard-pages", action="store_true",
        help="each memory block of the driver ends at an inaccessible page and is inaccessible once freed")
    add("--lenient", action="store_true",
        help="report a rule that is documented and that Windows does not enforce, and go on")
    add("--trace", action="store_true", help="show the driver's trace events")
    add("--verbose", action="store_true", help="show what the driver and the testbed say")
    options.keep_for_all(SELDOM, REST)
    return options


def setting(text):
    keyword, equals, _value = text.partition("=")
    if not equals or not keyword:
        raise Stop(f"--set takes KEYWORD=VALUE, not '{text}'")
    return text


def read(argv):
    """The options, every default filled in; `command` is a list, empty without one."""
    argv, command, dashes = split_command(argv)
    options = parser().parse_args(argv)
    options.command = command
    if dashes and not command:
        raise Stop("there is no command after --: give one, or use --shell")
    if command and options.shell:
        raise Stop("--shell and a command after -- exclude each other: give one of them")
    if options.bypass:
        refuse_with_bypass(options)
    if "sg" in (options.backend_no or ()) and options.mtu > MAX_MTU_WITHOUT_SG:
        raise Stop(f"--mtu {options.mtu} needs frames of several fragments, which --backend-no sg takes away: give an "
                   f"MTU of at most {MAX_MTU_WITHOUT_SG}, or leave one of them out")
    if options.debug_commands and not options.debug:
        raise Stop("--debug-commands is about a debugger: give --debug too, or leave it out")
    if options.debug and (options.bypass or options.shell or command):
        raise Stop("--debug takes the terminal and needs a driver: leave --bypass, --shell and a command out")
    if options.bypass and options.timeline:
        raise Stop("--bypass runs without a driver, so --timeline has nothing to show: leave one of them out")
    for name in ("checked", "races"):
        other = next((other for other in ("driver", "bypass", "races")
                      if other != name and getattr(options, other)), None)
        if getattr(options, name) and other:
            raise Stop(f"--{name} chooses the build of this repository's driver: leave it or --{other} out")
    if options.xenvif_inf and not options.xenvif:
        raise Stop("--xenvif-inf belongs to a xenvif.sys: give that with --xenvif")
    if options.xenvif:
        refuse_with_xenvif(options)
        options.xenvif_inf = options.xenvif_inf or inf_beside(options.xenvif, "--xenvif-inf")
    if options.xen:
        refuse_with_xen(options)
    elif options.xen_guest:
        raise Stop("--xen-guest says where on the real Xen the testbed runs: give --xen too, or leave it out")
    options.spread |= options.races  # the more runs at once, the more of them are met
    options.sampled = False         # status several times a second: bench.py
    options.last_packets = None     # set by run.py once there is a place for them
    options.windows = options.windows or "10-22h2"
    options.xenvif_like = options.xenvif_like or "strict"
    offered = RELEASES[options.xenvif_like]
    options.vif = options.vif or offered[-1]
    if options.vif not in offered:
        raise Stop(f"XenVif like {options.xenvif_like} offers VIF {', '.join(offered)}, not {options.vif}: leave "
                   "--vif out")
    options.queues = options.queues or min(4, os.cpu_count() or 1)
    if not options.pcap and (options.pcap_bytes or options.pcap_limit):
        raise Stop("--pcap-bytes and --pcap-limit are about a capture: give its file with --pcap, or leave them out")
    options.pcap_limit = options.pcap_limit or PCAP_LIMIT
    if options.pcap and options.seconds is None:
        options.quick = True
    options.processors = options.processors or options.queues
    options.group_size = options.group_size or MAX_GROUP
    if options.processors > options.group_size * MAX_GROUPS:
        raise Stop(f"--processors {options.processors} do not fit into {MAX_GROUPS} groups of {options.group_size}: "
                   "raise --group-size")
    # a small download: everything is recorded, or the machine is emulated
    options.small = bool(options.pcap or options.xen)
    options.seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    options.own_driver = options.driver is None
    if options.driver and not options.inf:
        options.inf = inf_beside(options.driver, "--inf")
    if options.inf and not options.driver:
        raise Stop("--inf belongs to another driver: give that driver with --driver")
    return options


def split_command(argv):
    """What stands before and after the first --."""
    if "--" not in argv:
        return argv, [], False
    at = argv.index("--")
    return argv[:at], argv[at + 1:], True


def refuse_with_bypass(options):
    for name in ("driver", "inf", "set", "windows", "xenvif", "xenvif_like", "vif", "backend_no", "backend_rate",
                 "processors", "group_size", "guard_pages", "lenient"):
        if getattr(options, name):
            raise Stop(f"--bypass runs without a driver, so --{name.replace('_', '-')} means nothing: leave one of "
                       "them out")


def refuse_with_xen(options):
    for name, given in (("bypass", options.bypass), ("pcap", options.pcap), ("shell", options.shell),
                        ("timeline", options.timeline), ("debug", options.debug),
                        ("command", options.command)):
        if given:
            what = "a command after --" if name == "command" else f"--{name}"
            raise Stop(f"{what} does not reach into the Xen machine, which has only the show's own tools: leave it or "
                       "--xen out")
    if options.spread:
        raise Stop("--spread is about this machine's processors: in the Xen machine its own kernel places all threads: "
                   "leave it or --xen out")
    if options.processors or options.group_size:
        raise Stop("--processors and --group-size are not for the Xen machine, which has a processor for each queue: "
                   "leave them or --xen out")


def refuse_with_xenvif(options):
    for name in ("xenvif_like", "vif"):
        if getattr(options, name):
            raise Stop(f"--{name.replace('_', '-')} is the stand-in's, and a xenvif.sys offers what it has: leave one "
                       "of them out")


def inf_beside(driver, option):
    for name in sorted(Path(driver).parent.iterdir()):
        if name.stem.lower() == Path(driver).stem.lower() and name.suffix.lower() == ".inf":
            return name
    raise Stop(f"there is no {Path(driver).stem}.inf beside {driver}: give the driver's INF with {option}")
