package container

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func compareText(a, b string) int { return cmp.Compare(a, b) }

// usualPath is the PATH of images that set none, as container engines have it.
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// configure is what nova-init is told, except for what only the host decides: MAC addresses, and the
// revision.
func (p *Part) configure(r kind.Request, b kind.Blueprint, s *settings.Settings) (initd.Config, finding.List) {
	var fs finding.List
	at := finding.At("container")
	c := initd.Config{
		Hostname:   hostname(b, r.Name),
		System:     p.system,
		Privileged: p.privileged,
		Upper:      initd.UpperDisk,
		Network:    networkOf(b.NICs),
	}
	if p.fresh {
		c.Upper = initd.UpperMemory
	}
	if !p.privileged {
		c.Users = initd.IDRange{First: firstUser, Count: userCount}
	}
	for _, drive := range b.Drives[1:] {
		c.Disks = append(c.Disks, initd.Disk{Name: drive.Name, Path: drive.MountPath})
	}
	for _, path := range slices.Sorted(maps.Keys(s.Tmpfs)) {
		size := settings.DefaultTmpfsMB
		if asked := s.Tmpfs[path].SizeMB; asked != nil {
			size = *asked
		}
		c.Tmpfs = append(c.Tmpfs, initd.Tmpfs{Path: path, Size: size << 20})
	}
	if !p.system {
		fs = append(fs, p.run(&c, b.Version, s)...)
		files, wrong := filesOf(b.Version, p.customization)
		c.Files, fs = files, append(fs, wrong...)
	}
	if len(fs) > 0 {
		return c, fs
	}
	if _, err := told(c, 0, "", 0); err != nil {
		blamed := at
		if broken, is := errors.AsType[*initd.ConfigError](err); is {
			blamed = blame(broken.Field)
		}
		fs.Add(blamed, "Container cannot be told this", finding.Sentence(err))
	}
	return c, fs
}

// blame is the attribute behind a field of the configuration.
func blame(field string) finding.Path {
	switch head, _, _ := strings.Cut(field, "."); {
	case strings.HasPrefix(head, "files"):
		return finding.At("customization").Name("files")
	case strings.HasPrefix(head, "network"):
		return finding.At("network_profile").Name("interfaces")
	case strings.HasPrefix(head, "disks"):
		return finding.At("storage_profile").Name("disks")
	case strings.HasPrefix(head, "hostname"):
		return finding.At("name")
	default:
		return finding.At("container")
	}
}

// hostname is the host name of the container.
func hostname(b kind.Blueprint, instance string) string {
	h := parameter.Targeted(b.Version.Spec.Parameters, b.Parameters, parameter.TargetHostname)
	return cmp.Or(h, instance)
}

// run says which application runs, and how.
func (p *Part) run(c *initd.Config, version catalog.Version, s *settings.Settings) finding.List {
	var fs finding.List
	root := version.Root
	at := finding.At("container")
	c.Process.Args = arguments(root, s)
	if len(c.Process.Args) == 0 {
		fs.Add(at.Name("command"), "Nothing to run", fmt.Sprintf("Neither the image of version %q nor the settings "+
			"say what to run: set container.command or container.entrypoint, or container.init = \"system\".",
			version.ID))
	}
	user, where := root.User, finding.At("version")
	if s.User != nil {
		user, where = *s.User, at.Name("user")
	}
	who, err := accountOf(root, user)
	if err != nil {
		fs.Add(where, "Unknown user", fmt.Sprintf("In version %q, %v.", version.ID, err))
	}
	c.Process.UID, c.Process.GID, c.Process.Groups = who.uid, who.gid, who.groups
	c.Process.Env = environment(root, s, who, c.Hostname)
	c.Process.Dir = root.WorkingDir
	if s.WorkingDir != nil {
		c.Process.Dir = *s.WorkingDir
	}
	c.Restart = initd.Restart(or(s.Restart, settings.DefaultRestart))
	stop := cmp.Or(or(s.StopSignal, root.StopSignal), "SIGTERM")
	number, known := settings.Signal(stop)
	if !known {
		fs.Add(at.Name("stop_signal"), "Unknown signal", fmt.Sprintf("%q is not a signal of Linux: write its name, "+
			"such as SIGTERM, or its number.", stop))
	}
	c.Stop.Signal = number
	c.Stop.Timeout = or(s.StopTimeoutSeconds, settings.DefaultStopTimeoutSeconds) * 1000
	c.Health = health(root, s)
	return fs
}

func or[T any](value *T, otherwise T) T {
	if value != nil {
		return *value
	}
	return otherwise
}

// arguments are the program and its arguments. As with container engines, an entrypoint of the settings
// replaces the image's command as well.
func arguments(root *catalog.RootImage, s *settings.Settings) []string {
	entrypoint, command := root.Entrypoint, root.Command
	if s.Entrypoint != nil {
		if entrypoint = s.Entrypoint; len(entrypoint) > 0 {
			command = nil
		}
	}
	if s.Command != nil {
		command = s.Command
	}
	return slices.Concat(entrypoint, command)
}

// environment is the image's, with that of the settings over it, and what container engines add.
func environment(root *catalog.RootImage, s *settings.Settings, who account, host string) []string {
	env := map[string]string{"PATH": usualPath, "HOSTNAME": host, "HOME": cmp.Or(who.home, "/")}
	maps.Copy(env, root.Env)
	maps.Copy(env, s.Env)
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// health is the health check, with the defaults of container engines; nil for none.
func health(root *catalog.RootImage, s *settings.Settings) *initd.Health {
	check := root.HealthCheck
	if s.HealthCheck != nil {
		own, images := settings.Settings{HealthCheck: s.HealthCheck}, settings.Settings{HealthCheck: check}
		check = own.Over(&images).HealthCheck
	}
	if check == nil || len(check.Command) < 2 { // NONE, or nothing
		return nil
	}
	args := check.Command[1:]
	if check.Command[0] == settings.HealthShell {
		args = []string{"/bin/sh", "-c", check.Command[1]}
	}
	const second = 1000
	return &initd.Health{
		Args:        args,
		Interval:    or(check.IntervalSeconds, settings.DefaultIntervalSeconds) * second,
		Timeout:     or(check.TimeoutSeconds, settings.DefaultTimeoutSeconds) * second,
		Retries:     int(or(check.Retries, settings.DefaultRetries)),
		StartPeriod: or(check.StartPeriodSeconds, settings.DefaultStartPeriodSeconds) * second,
	}
}

// filesOf are the files that are written at each start.
func filesOf(version catalog.Version, c *guest.Customization) ([]initd.File, finding.List) {
	var fs finding.List
	if c == nil {
		return nil, nil
	}
	var files []initd.File
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		f, at := c.Files[path], finding.At("customization").Name("files").Key(path)
		owner, err := accountOf(version.Root, cmp.Or(f.Owner, guest.DefaultOwner))
		if err != nil {
			fs.Add(at.Name("owner"), "Unknown owner", fmt.Sprintf("File %q: in version %q, %v.", path, version.ID, err))
		}
		mode, err := strconv.ParseUint(cmp.Or(f.Permissions, guest.DefaultPermissions), 8, 16)
		if err != nil {
			fs.Add(at.Name("permissions"), "Invalid permissions", fmt.Sprintf("%q is not octal.", f.Permissions))
		}
		files = append(files, initd.File{
			Path: path, Mode: uint32(mode), UID: owner.uid, GID: owner.gid, Content: []byte(f.Content),
		})
	}
	return files, fs
}

// networkOf is what the container is told of its interfaces.
func networkOf(nics []profile.NIC) initd.Network {
	var n initd.Network
	for _, nic := range nics {
		link := initd.Interface{Name: nic.Name, MAC: nic.MAC, DHCP: nic.IP.DHCP, Addresses: nic.IP.Addresses}
		for _, gateway := range nic.IP.Gateways {
			everywhere, bits := netip.IPv6Unspecified(), 128
			if gateway.Is4() {
				everywhere, bits = netip.IPv4Unspecified(), 32
			}
			if nic.IP.OnLink(gateway) {
				link.Routes = append(link.Routes, initd.Route{To: netip.PrefixFrom(gateway, bits)})
			}
			link.Routes = append(link.Routes, initd.Route{To: netip.PrefixFrom(everywhere, 0), Via: gateway})
		}
		n.Interfaces = append(n.Interfaces, link)
		for _, server := range nic.IP.DNS {
			if !slices.Contains(n.Nameservers, server) {
				n.Nameservers = append(n.Nameservers, server)
			}
		}
	}
	return n
}

// withoutMACs is a configuration without what the host decides.
func withoutMACs(c initd.Config) initd.Config {
	c.Network.Interfaces = slices.Clone(c.Network.Interfaces)
	for n := range c.Network.Interfaces {
		c.Network.Interfaces[n].MAC = ""
	}
	return c
}

// configSize is the least size of the volume of a configuration, bytes. It is twice what most take, so
// that most changes fit.
const configSize = 64 << 10

// told is a configuration as its volume holds it, followed by zeros up to a size of at least least. For
// interfaces whose MAC addresses are not known yet, it has some.
func told(c initd.Config, least uint64, revision string, request uint64) ([]byte, error) {
	c.Network.Interfaces = slices.Clone(c.Network.Interfaces)
	for n := range c.Network.Interfaces {
		if c.Network.Interfaces[n].MAC == "" {
			c.Network.Interfaces[n].MAC = fmt.Sprintf("02:00:00:00:%02x:%02x", n>>8&0xff, n&0xff)
		}
	}
	c.Revision, c.Request = revision, request
	text, err := c.Marshal()
	if err != nil {
		return nil, err
	}
	size := max(int(least), configSize, (len(text)+configSize-1)/configSize*configSize)
	return slices.Concat(text, make([]byte, size-len(text))), nil
}

// tell is what the container of an instance is told, with the MAC addresses of its interfaces.
func (p *Part) tell(b kind.Blueprint, uuid, instance string, least uint64) ([]byte, error) {
	if p.config == nil {
		return nil, fmt.Errorf("what instance %q is to be told is not known", instance)
	}
	c := *p.config
	c.Network = networkOf(b.NICs)
	if p.system {
		seed, err := p.seed(b, uuid, instance)
		if err != nil {
			return nil, err
		}
		c.Seed = seed
	}
	return told(c, least, p.revision(), 0)
}

// revision names what the container is told, without secrets.
func (p *Part) revision() string { return digest(p.told) }

// seed is what cloud-init finds at the first boot of a system. libvirt names the interfaces of a
// container eth0, eth1 and so on, and it has no permanent MAC addresses by which netplan would find
// them.
func (p *Part) seed(b kind.Blueprint, uuid, instance string) (map[string][]byte, error) {
	s := guest.Seed{
		InstanceID: uuid, Hostname: hostname(b, instance), VendorData: p.userData, Customization: p.customization,
	}
	if key := parameter.Targeted(b.Version.Spec.Parameters, b.Parameters, parameter.TargetSSHKey); key != "" {
		s.SSHAuthorizedKeys = []string{key}
	}
	for n, nic := range b.NICs {
		link := guest.NetworkInterface{
			Name: nic.Name, Device: device(n), MAC: nic.MAC, DHCP: nic.IP.DHCP, Addresses: nic.IP.Addresses,
			DNS: nic.IP.DNS,
		}
		for _, gateway := range nic.IP.Gateways {
			link.Gateways = append(link.Gateways, guest.Gateway{Addr: gateway, OnLink: nic.IP.OnLink(gateway)})
		}
		s.NetworkInterfaces = append(s.NetworkInterfaces, link)
	}
	files, err := s.Render()
	if err != nil {
		return nil, err
	}
	seed := map[string][]byte{"user-data": files.UserData, "meta-data": files.MetaData}
	if files.NetworkConfig != nil {
		seed["network-config"] = files.NetworkConfig
	}
	if files.VendorData != nil {
		seed["vendor-data"] = files.VendorData
	}
	return seed, nil
}

// device is what libvirt calls the nth interface of a container, from 0.
func device(n int) string { return "eth" + strconv.Itoa(n) }

// volume is where a volume of the library's pool is.
func volumePath(pool, volume string) string { return pool + "/" + volume }

// Places of the filesystems of a container; see package initd.
const (
	rootTarget   = "/"
	lowerTarget  = "/.nova/lower"
	memoryTarget = "/.nova/upper"
	disksTarget  = "/.nova/disks/"
	initTarget   = "/.nova/init"
	configTarget = "/.nova/config.json"
	statusTarget = "/.nova/status"
	logTarget    = "/.nova/log"
)

// Kinds of volumes that are mounted into a container, as naming.ContainerDisk takes them.
const (
	upperKind = 's' // what the container writes to
	copyKind  = 'b' // a copy of the image
	dataKind  = 'd' // a data disk
)

// diskVolume is the volume of an instance's data disk.
func diskVolume(tenant, instance, disk string) string {
	return naming.ContainerDisk(tenant, instance, dataKind, disk)
}
