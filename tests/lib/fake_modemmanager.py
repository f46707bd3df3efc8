"""A fake of ModemManager for tests: one modem, with a SIM and bearers, as a template of python-dbusmock.

    python3 -m dbusmock --system -m -t tests/lib/fake_modemmanager.py -p PARAMETERS

PARAMETERS is a JSON object; what each is shows `defaults`. The modem's interface is whatever the test says,
such as one end of a veth pair; nothing here touches it. Calls, with their arguments, go to dbusmock's log.
"""
import time

import dbus
import dbusmock

BUS_NAME = "org.freedesktop.ModemManager1"
MAIN_OBJ = "/org/freedesktop/ModemManager1"
MAIN_IFACE = "org.freedesktop.ModemManager1"
SYSTEM_BUS = True
IS_OBJECT_MANAGER = True

MODEM = MAIN_IFACE + ".Modem"
MOBILE = MODEM + ".Modem3gpp"
BEARER = MAIN_IFACE + ".Bearer"
SIM = MAIN_IFACE + ".Sim"
ERRORS = MAIN_IFACE + ".Error"
MODEM_PATH = MAIN_OBJ + "/Modem/0"
SIM_PATH = MAIN_OBJ + "/SIM/0"

NO_LOCK, PIN_LOCK, PUK_LOCK = 1, 2, 4
LOCKED, DISABLED, SEARCHING, REGISTERED, CONNECTED = 2, 3, 7, 8, 11
HOME, DENIED = 1, 3
STATIC = 2

defaults = {
    "modem": True,          # there is one
    "interface": "wwan0",
    "pin": "",              # the SIM's; empty: it asks for none
    "retries": 3,
    "says_retries": True,
    "registration": HOME,
    "failed": 0,            # StateFailedReason
    "apn": "event.carrier",
    "user": "",
    "password": "",
    "method": STATIC,
    "address": "10.2.0.2",
    "prefix": 24,
    "gateway": "10.2.0.1",
    "mtu": 1430,
    "address6": "",         # with ip-type 2 or 4
    "slow": 0,              # seconds that Connect takes
    "taken": False,         # somebody else is connected by the interface
}
world = {}


def load(mock, parameters):
    world.clear()
    world.update(defaults)
    world.update({str(k): v for k, v in parameters.items()})
    world["bearers"] = 0
    world["root"] = mock
    if not world["modem"]:
        return
    locked = bool(world["pin"])
    retries = {dbus.UInt32(PIN_LOCK): dbus.UInt32(world["retries"])} if world["says_retries"] else {}
    state = -1 if world["failed"] else LOCKED if locked else DISABLED
    mock.AddObject(SIM_PATH, SIM, {"Active": dbus.Boolean(True)}, [])
    mock.AddObject(MODEM_PATH, MODEM, {
        "DeviceIdentifier": "fake0123456789",
        "Device": "/sys/devices/fake/usb1",
        "State": dbus.Int32(state),
        "StateFailedReason": dbus.UInt32(world["failed"]),
        "UnlockRequired": dbus.UInt32(PIN_LOCK if locked else NO_LOCK),
        "UnlockRetries": dbus.Dictionary(retries, signature="uu"),
        "Sim": dbus.ObjectPath(SIM_PATH),
        "Bearers": dbus.Array([], signature="o"),
        "Ports": dbus.Array([dbus.Struct(["cdc-wdm0", dbus.UInt32(6)], signature="su"),
                             dbus.Struct([world["interface"], dbus.UInt32(2)], signature="su")],
                            signature="(su)"),
    }, [])
    modem().AddProperties(MOBILE, {"RegistrationState": dbus.UInt32(0)})
    if world["taken"]:
        bearer = add_bearer()
        update(dbusmock.get_object(bearer), BEARER, {"Connected": dbus.Boolean(True), "Interface": world["interface"]})


def modem():
    return dbusmock.get_object(MODEM_PATH)


def update(mock, interface, properties):
    """As UpdateProperties, which takes no dictionaries."""
    mock.props[interface].update(properties)
    mock.EmitSignal(dbus.PROPERTIES_IFACE, "PropertiesChanged", "sa{sv}as",
                    [interface, dbus.Dictionary(properties, signature="sv"), dbus.Array([], signature="s")])


def set_modem(**properties):
    update(modem(), MODEM, properties)


def error(name, text):
    return dbus.exceptions.DBusException(text, name=f"{ERRORS}.{name}")


def add_bearer():
    path = f"{MAIN_OBJ}/Bearer/{world['bearers']}"
    world["bearers"] += 1
    nothing = dbus.Dictionary({"method": dbus.UInt32(0)}, signature="sv")
    world["root"].AddObject(
        path, BEARER, {"Connected": dbus.Boolean(False), "Interface": "", "Ip4Config": nothing, "Ip6Config": nothing}, [])
    set_modem(Bearers=dbus.Array([dbus.ObjectPath(p) for p in bearers() + [path]], signature="o"))
    return path


def bearers():
    return [str(p) for p in modem().Get(MODEM, "Bearers")]


def ip_config(address, prefix, gateway):
    if world["method"] != STATIC:
        return dbus.Dictionary({"method": dbus.UInt32(world["method"])}, signature="sv")
    return dbus.Dictionary({
        "method": dbus.UInt32(STATIC), "address": address, "prefix": dbus.UInt32(prefix),
        "gateway": gateway, "mtu": dbus.UInt32(world["mtu"]), "dns1": "192.0.2.53"}, signature="sv")


@dbus.service.method(SIM, in_signature="s", out_signature="")
def SendPin(_self, pin):
    if str(pin) == str(world["pin"]):
        set_modem(State=dbus.Int32(DISABLED), UnlockRequired=dbus.UInt32(NO_LOCK))
        return
    world["retries"] -= 1
    if world["says_retries"]:
        set_modem(UnlockRetries=dbus.Dictionary(
            {dbus.UInt32(PIN_LOCK): dbus.UInt32(world["retries"])}, signature="uu"))
    if world["retries"] <= 0:
        set_modem(UnlockRequired=dbus.UInt32(PUK_LOCK))
    raise error("MobileEquipment.IncorrectPassword", "Incorrect password")


@dbus.service.method(MODEM, in_signature="b", out_signature="")
def Enable(_self, _on):
    if int(modem().Get(MODEM, "State")) == LOCKED:
        raise error("Core.WrongState", "modem is locked")
    update(modem(), MOBILE, {"RegistrationState": dbus.UInt32(world["registration"])})
    set_modem(State=dbus.Int32(REGISTERED if world["registration"] == HOME else SEARCHING))


@dbus.service.method(MODEM, in_signature="a{sv}", out_signature="o")
def CreateBearer(_self, properties):
    path = add_bearer()
    world[path] = {str(k): v for k, v in properties.items()}
    return dbus.ObjectPath(path)


@dbus.service.method(MODEM, in_signature="o", out_signature="")
def DeleteBearer(_self, path):
    if str(path) not in bearers():
        raise error("Core.NotFound", "no such bearer")
    left = [dbus.ObjectPath(p) for p in bearers() if p != str(path)]
    set_modem(Bearers=dbus.Array(left, signature="o"), State=dbus.Int32(REGISTERED))
    world["root"].RemoveObject(path)


@dbus.service.method(BEARER, in_signature="", out_signature="")
def Connect(self):
    wanted = world.get(self.path, {})
    time.sleep(world["slow"])
    for what in ("apn", "user", "password"):
        if str(wanted.get(what, "")) != world[what]:
            raise error("MobileEquipment.ServiceOptionNotSubscribed", f"wrong {what}")
    kind = int(wanted["ip-type"])
    changes = {"Connected": dbus.Boolean(True), "Interface": world["interface"]}
    if kind in (1, 4):
        changes["Ip4Config"] = ip_config(world["address"], world["prefix"], world["gateway"])
    if kind in (2, 4):
        changes["Ip6Config"] = ip_config(world["address6"], 64, "")
    update(self, BEARER, changes)
    set_modem(State=dbus.Int32(CONNECTED))


@dbus.service.method(BEARER, in_signature="", out_signature="")
def Disconnect(self):
    update(self, BEARER, {"Connected": dbus.Boolean(False)})
    set_modem(State=dbus.Int32(REGISTERED))
