package model

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// customizationModel is customization as Terraform has it.
type customizationModel struct {
	InstallPackages   types.Set    `tfsdk:"install_packages"`
	OpenPorts         types.Set    `tfsdk:"open_ports"`
	SSHAuthorizedKeys types.Set    `tfsdk:"ssh_authorized_keys"`
	Users             types.Map    `tfsdk:"users"`
	Files             types.Map    `tfsdk:"files"`
	RunCommands       types.List   `tfsdk:"run_commands"`
	Timezone          types.String `tfsdk:"timezone"`
	Locale            types.String `tfsdk:"locale"`
	UserData          types.String `tfsdk:"user_data"`
}

type userModel struct {
	Groups            types.Set    `tfsdk:"groups"`
	SSHAuthorizedKeys types.Set    `tfsdk:"ssh_authorized_keys"`
	Sudo              types.Bool   `tfsdk:"sudo"`
	Shell             types.String `tfsdk:"shell"`
}

type fileModel struct {
	Content     types.String `tfsdk:"content"`
	Permissions types.String `tfsdk:"permissions"`
	Owner       types.String `tfsdk:"owner"`
}

// Customization reads a customization; nil if it is not set. Values that are not known yet are left
// out, and known is then false.
func Customization(ctx context.Context, o types.Object) (c *guest.Customization, known bool) {
	if o.IsNull() || o.IsUnknown() {
		return nil, !o.IsUnknown()
	}
	m, ok := as[customizationModel](ctx, o)
	if !ok {
		return nil, false
	}
	c = &guest.Customization{
		InstallPackages:   attribute.Strings(m.InstallPackages.Elements()),
		OpenPorts:         ports(m.OpenPorts),
		SSHAuthorizedKeys: attribute.Strings(m.SSHAuthorizedKeys.Elements()),
		Users:             map[string]guest.User{},
		Files:             map[string]guest.File{},
		RunCommands:       attribute.Commands(m.RunCommands),
		Timezone:          m.Timezone.ValueString(),
		Locale:            m.Locale.ValueString(),
		UserData:          m.UserData.ValueString(),
	}
	for name, element := range m.Users.Elements() {
		if u, ok := as[userModel](ctx, element); ok {
			c.Users[name] = guest.User{
				Groups:            attribute.Strings(u.Groups.Elements()),
				SSHAuthorizedKeys: attribute.Strings(u.SSHAuthorizedKeys.Elements()),
				Sudo:              u.Sudo.ValueBool(), Shell: u.Shell.ValueString(),
			}
		}
	}
	for path, element := range m.Files.Elements() {
		if f, ok := as[fileModel](ctx, element); ok {
			c.Files[path] = guest.File{
				Content: f.Content.ValueString(), Permissions: f.Permissions.ValueString(),
				Owner: f.Owner.ValueString(),
			}
		}
	}
	return c, attribute.Known(ctx, o)
}

// as reads an object whose attributes may be unknown; ok is false if the object itself is null or
// unknown.
func as[T any](ctx context.Context, v attr.Value) (model T, ok bool) {
	o, ok := v.(types.Object)
	if !ok || o.IsNull() || o.IsUnknown() {
		return model, false
	}
	diags := o.As(ctx, &model, basetypes.ObjectAsOptions{})
	return model, !diags.HasError()
}

// ports reads a set of numbers; nil if it is not set.
func ports(s types.Set) []int64 {
	if s.IsNull() || s.IsUnknown() {
		return nil
	}
	numbers := make([]int64, 0, len(s.Elements()))
	for _, element := range s.Elements() {
		if n, ok := element.(types.Int64); ok && !n.IsNull() && !n.IsUnknown() {
			numbers = append(numbers, n.ValueInt64())
		}
	}
	return numbers
}

// customizationAttribute is the schema of customization.
func customizationAttribute() schema.SingleNestedAttribute {
	texts := func(description string) schema.SetAttribute {
		return schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "What this instance asks of its guest beyond its template. cloud-init carries it " +
			"out at first boot.\n" +
			"  - A change replaces the instance.\n" +
			"  - An application container has no cloud-init, and takes only `files`. They are written at each start, " +
			"and a change restarts the container once, which the plan announces.\n" +
			"  - The apply waits until the guest has reported on its serial console that everything is done, unless " +
			"`wait_for` is `[]` or contains `no_report`. A failure is an error.\n" +
			"  - The state contains the values, and so does the guest's seed, which root can read in the " +
			"guest. The host's metadata contains a digest of them.",
		Attributes: map[string]schema.Attribute{
			"install_packages": texts("Packages to install, as the guest's package manager names them."),
			"open_ports": schema.SetAttribute{
				Optional: true, ElementType: types.Int64Type,
				MarkdownDescription: "Ports, 1 to 65535, that are reachable from outside, by TCP and by UDP. If " +
					"not set, the guest's firewall stays as the image has it.\n" +
					"  - Everything else that comes in is dropped inside the guest, except SSH (TCP port 22), ICMP, " +
					"answers and DHCP. `[]` allows just these.\n" +
					"  - Ports that containers publish are treated like all others.\n" +
					"  - The rules are in force at every boot before the guest's network is up; at the first " +
					"boot, from when cloud-init starts.\n" +
					"  - The guest needs nftables (in the image, or among `install_packages`) and systemd, and no " +
					"active firewalld or ufw.",
			},
			"ssh_authorized_keys": texts("SSH public keys that may log in as root and as the image's default user."),
			"users": schema.MapNestedAttribute{
				Optional: true,
				MarkdownDescription: "Users to create, by login name, besides the image's default user. Their " +
					"passwords are locked. A user that the image has already must match what is asked for.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"groups":              texts("Groups besides the user's own. Missing ones are created."),
					"ssh_authorized_keys": texts("SSH public keys that may log in as this user."),
					"sudo": schema.BoolAttribute{Optional: true, MarkdownDescription: "Give the user passwordless " +
						"sudo. Default: `false`."},
					"shell": text("Login shell, an absolute path. Default: the distribution's."),
				}},
			},
			"files": schema.MapNestedAttribute{
				Optional: true,
				MarkdownDescription: "Files to write, by absolute path. Missing directories are created. Files " +
					"of `root` are written before packages are installed; those of other owners are written after " +
					"packages and users, and before commands run.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"content":     schema.StringAttribute{Required: true, MarkdownDescription: "The file's content."},
					"permissions": text("Permissions in octal. Default: `" + guest.DefaultPermissions + "`."),
					"owner":       text("Owner, as `user` or `user:group`. Default: `" + guest.DefaultOwner + "`."),
				}},
			},
			"run_commands": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Commands for the guest's `sh`. They run as root, one after another, after " +
					"everything else here, each in a shell of its own. A command with an exit status other than 0 is " +
					"an error, and those after it do not run.",
			},
			"timezone": text("Time zone, by its name in the tz database, such as `Europe/Berlin`."),
			"locale":   text("Locale, such as `en_US.UTF-8`."),
			"user_data": text("Cloud-config for what the other attributes do not cover. Its first line is " +
				"`#cloud-config`.\n  - It is merged with the template's cloud-config and the other attributes, in " +
				"this order: the template's, the attributes, `user_data`.\n" +
				"  - Lists are concatenated in that order, and mappings are merged key by key by the same rules. " +
				"Of anything else, the last one wins.\n" +
				"  - The keys `output`, `mount_default_fields`, `datasource_list`, `ssh_genkeytypes` and " +
				"`cloud_*_modules` are replaced as a whole.\n" +
				"  - `merge_how`, `merge_type` and `vendor_data` are refused."),
		},
	}
}
