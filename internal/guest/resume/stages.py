# Made by novacron. It waits in a guest whose memory is saved, with all of cloud-init loaded, because
# an emulated processor takes half a minute to load it for each stage. In a guest that was resumed, it
# then runs cloud-init's stages. Before that it writes down what the image's configuration says.
import gc
import os
import random
import shlex
import sys

STATE = "/run/novacron"

# What may be in an image's configuration without having to do with what an instance asks for. The
# guest that was saved has done the rest of it already.
KNOWN = {
    "apt", "apt_preserve_sources_list", "byobu_by_default", "cloud_config_modules", "cloud_final_modules",
    "cloud_init_modules", "datasource", "datasource_list", "def_log_file", "disable_root", "disable_root_opts",
    "final_message", "grub_dpkg", "locale", "log_cfgs", "manage_etc_hosts", "mount_default_fields",
    "no_ssh_fingerprints", "output", "preserve_hostname", "ssh", "ssh_deletekeys", "ssh_genkeytypes",
    "ssh_publish_hostkeys", "ssh_pwauth", "syslog_fix_perms", "system_info", "timezone", "users", "vendor_data",
    "vendor_data2",
}

NEEDED = ("useradd", "groupadd", "usermod", "passwd", "ssh-keygen", "base64", "chown", "systemctl", "networkctl")


def load():
    """Loads what the stages will."""
    import importlib
    import pkgutil
    import cloudinit
    from cloudinit.cmd import main  # noqa: F401

    for package in ("cmd", "config", "handlers", "net", "reporting"):
        parent = importlib.import_module("cloudinit." + package)
        for module in pkgutil.iter_modules(parent.__path__, parent.__name__ + "."):
            try_import(importlib, module.name)
    for name in (
        "cloudinit.sources.DataSourceNoCloud", "cloudinit.sources.DataSourceNone", "cloudinit.netinfo",
        "cloudinit.ssh_util", "cloudinit.templater", "cloudinit.user_data", "jsonschema", "email.mime.text",
    ):
        try_import(importlib, name)
    return cloudinit


def try_import(importlib, name):
    try:
        importlib.import_module(name)
    except Exception:  # this version has no such module, or the image not what it needs
        pass


def generator():
    """Has the stages call netplan's generator itself. The program before it takes seconds."""
    from cloudinit.net import netplan

    for path in ("/usr/libexec/netplan/generate", "/usr/lib/netplan/generate", "/lib/netplan/generate"):
        if os.access(path, os.X_OK) and hasattr(netplan.Renderer, "NETPLAN_GENERATE"):
            netplan.Renderer.NETPLAN_GENERATE = [path]
            return path
    return ""


def describe(path):
    """Writes down, for the shell, what the image's configuration says about every instance."""
    import shutil
    from cloudinit import stages, util, version
    from cloudinit.config import cc_ssh

    prime(util)
    init = stages.Init(ds_deps=[])
    init.read_cfg()
    cfg, distro = init.cfg, init.distro
    why = ""
    odd = sorted(k for k in cfg if k not in KNOWN and not k.startswith("_"))
    scripts = [
        d for d in ("per-boot", "per-instance", "per-once", "vendor") if os.path.isdir("/var/lib/cloud/scripts/" + d)
        and os.listdir("/var/lib/cloud/scripts/" + d)
    ]
    lacking = [name for name in NEEDED if not shutil.which(name)]
    if odd:
        why = "its cloud-init is configured to do more, by " + ", ".join(odd)
    elif cfg.get("users", ["default"]) != ["default"]:
        why = "its cloud-init is configured to create other users"
    elif cfg.get("ssh_deletekeys", True) is not True:
        why = "its cloud-init is configured to keep SSH host keys"
    elif cfg.get("preserve_hostname") or not hosts(init, cfg):
        why = "its cloud-init is configured to handle host names in its own way"
    elif set(cfg.get("ssh") or {}) - {"emit_keys_to_console"} or keyfiles():
        why = "its SSH is configured in its own way"
    elif scripts:
        why = "it has scripts in /var/lib/cloud/scripts"
    elif not path:
        why = "it has no netplan"
    elif os.path.getsize(STATE + "/networks"):
        why = "NetworkManager connects it"
    elif not os.access("/lib/systemd/systemd-networkd", os.X_OK):
        why = "it has no systemd-networkd"
    elif lacking:
        why = "it lacks " + ", ".join(lacking)
    user = dict(distro.get_default_user() or {})
    sudo = user.pop("sudo", None) or []
    groups = user.pop("groups", None) or []
    known = {
        "name": user.pop("name", ""), "gecos": user.pop("gecos", ""), "shell": user.pop("shell", ""),
        "sudo": "\n".join([sudo] if isinstance(sudo, str) else sudo),
        "groups": groups if isinstance(groups, str) else ",".join(groups),
    }
    if not why and (user.pop("lock_passwd", True) is not True or user or not known["name"]):
        why = "its default user is configured in ways that only cloud-init knows"
    types = cfg.get("ssh_genkeytypes") or getattr(cc_ssh, "GENERATE_KEY_NAMES", ["rsa", "ecdsa", "ed25519"])
    prefers = getattr(distro, "prefer_fqdn", False)
    words = {
        "version": version.version_string(),
        "fqdn": "true" if util.get_cfg_option_bool(cfg, "prefer_fqdn_over_hostname", prefers) else "false",
        "keytypes": " ".join(types),
        "netplan": path, "plain": why, "python": "%d.%d" % sys.version_info[:2],
        "semaphores": " ".join(semaphores(cfg)),
    }
    words.update(("user_" + key, value) for key, value in known.items())
    with open(STATE + "/image", "w") as out:
        for key, value in words.items():
            out.write("image_%s=%s\n" % (key, shlex.quote(str(value))))


def hosts(init, cfg):
    """Writes down /etc/hosts, if cloud-init is to write it, with marks for the host name."""
    manage = cfg.get("manage_etc_hosts", False)
    if manage in (False, "false", "False"):
        return True
    if manage not in (True, "true", "True", "template"):
        return False
    from cloudinit import templater

    template = os.path.join(os.path.dirname(init.paths.template_tpl), "hosts.%s.tmpl" % init.distro.osfamily)
    try:
        text = templater.render_from_file(template, {"hostname": "@HOSTNAME@", "fqdn": "@FQDN@"})
    except Exception:
        return False
    with open(STATE + "/hosts", "w") as out:
        out.write(text)
    return True


def keyfiles():
    """Tells whether sshd looks for authorized keys where it does not by default."""
    import glob

    usual = {".ssh/authorized_keys", ".ssh/authorized_keys2"}
    for name in ["/etc/ssh/sshd_config"] + glob.glob("/etc/ssh/sshd_config.d/*.conf"):
        with open(name, errors="replace") as config:
            for line in config:
                words = line.replace("=", " ").split()
                if words and words[0].lower() == "authorizedkeysfile":
                    if not {word.replace("%h/", "") for word in words[1:]} <= usual:
                        return True
    return False


def semaphores(cfg):
    """Names the files by which cloud-init knows that a module has run for an instance."""
    names = ["consume_data"]
    for key in ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules"):
        for module in cfg.get(key) or []:
            if isinstance(module, dict):
                module = module.get("name", "")
            elif isinstance(module, list):
                module = module[0]
            names.append("config_" + str(module).replace("-", "_"))
    return names


def prime(util):
    """Finds out, once for all stages, what is the same in all copies of the guest."""
    for name in ("lsb_release", "get_dpkg_architecture", "get_linux_distro"):
        try:
            getattr(util, name)()
        except Exception:  # this version has no such function, or the image not what it needs
            pass


def reseed():
    """Forgets what is in the memory and differs between the copies: random numbers, and names."""
    system_info = getattr(sys.modules.get("cloudinit.util"), "system_info", None)
    if hasattr(system_info, "cache_clear"):
        system_info.cache_clear()
    random.seed()
    tempfile = sys.modules.get("tempfile")
    if tempfile:
        tempfile._name_sequence = None
    ssl = sys.modules.get("ssl")
    if ssl:
        ssl.RAND_add(os.urandom(64), 64.0)


def grown():
    """Tells whether the system disk is larger than its last partition; to find that out with growpart takes long."""
    with open("/proc/self/mountinfo") as mounts:
        root = [line.split()[2] for line in mounts if line.split()[4] == "/"]
    try:
        start, size, whole = (
            int(open("/sys/dev/block/%s/%s" % (root[-1], name)).read()) for name in ("start", "size", "../size")
        )
    except (OSError, IndexError):  # not on a partition
        return True
    return whole - start - size > 4096  # 2 MiB, of which GPT takes some


def stage(*args):
    """Runs a stage in a process of its own, as while booting. It ends the program if the stage is killed."""
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):  # the next stages would hide that
            with open(STATE + "/killed", "w") as killed:
                name, signal = " ".join(args), os.WTERMSIG(status)
                killed.write("cloud-init's stage %s was ended by the signal %d\n" % (name, signal))
            sys.exit(1)
        return
    status = 1
    try:
        reseed()
        growpart = sys.modules.get("cloudinit.config.cc_growpart")
        if growpart and not grown():
            growpart.handle = lambda *args, **kwargs: None
        sys.argv = ["/usr/bin/cloud-init"] + list(args)
        from cloudinit.cmd import main
        status = main.main(list(sys.argv)) or 0
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1 if status else 0)


def plain():
    """Becomes the shell that runs the plain lane."""
    lane = os.open(STATE + "/lane", os.O_RDONLY)
    os.unlink(STATE + "/lane")
    os.dup2(lane, 0)
    os.execv("/bin/sh", ["sh"])


def main():
    os.chdir("/")
    os.environ.setdefault("TZ", ":/etc/localtime")
    load()
    describe(generator())
    gc.collect()
    gc.freeze()
    os.mkfifo(STATE + "/go", 0o600)
    with open(STATE + "/waiting.new", "w") as waiting:
        waiting.write("%d\n" % os.getpid())
    os.rename(STATE + "/waiting.new", STATE + "/waiting")
    with open(STATE + "/go") as go:  # this waits, without any work, until the guest has an identity
        lane = go.read().strip()
    os.unlink(STATE + "/waiting")
    if lane == "plain":
        plain()
    stage("init", "--local")
    os.system("sh %s/lane connect </dev/null" % STATE)
    stage("init")
    os.system("sh %s/lane serve </dev/null" % STATE)
    stage("modules", "--mode=config")
    stage("modules", "--mode=final")
    os.system("sh %s/lane settle </dev/null" % STATE)


main()
