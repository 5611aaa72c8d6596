package attribute

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
)

var (
	variablesType = types.MapType{ElemType: types.StringType}
	healthTypes   = map[string]attr.Type{
		"command":              textsType,
		"interval_seconds":     types.Int64Type,
		"timeout_seconds":      types.Int64Type,
		"retries":              types.Int64Type,
		"start_period_seconds": types.Int64Type,
	}
	tmpfsType      = types.ObjectType{AttrTypes: map[string]attr.Type{"size_mb": types.Int64Type}}
	containerTypes = map[string]attr.Type{
		"init":                 types.StringType,
		"entrypoint":           textsType,
		"command":              textsType,
		"env":                  variablesType,
		"working_dir":          types.StringType,
		"user":                 types.StringType,
		"restart":              types.StringType,
		"stop_signal":          types.StringType,
		"stop_timeout_seconds": types.Int64Type,
		"privileged":           types.BoolType,
		"health_check":         types.ObjectType{AttrTypes: healthTypes},
		"tmpfs":                types.MapType{ElemType: tmpfsType},
	}
)

// ContainerAttribute is the schema of container.
func ContainerAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: description + "\n  - Texts of `entrypoint`, `command`, `env`, `working_dir`, `user` and " +
			"`health_check.command` are [Go templates](https://pkg.go.dev/text/template) over the parameters, with " +
			"the functions of `cloud_init.user_data`: `{{ .http_port }}`. A rendered text is one argument or one " +
			"value, whatever is in it. Write `{{ \"{{\" }}` for two opening braces.\n" +
			"  - Left out, the image decides. Where the image says nothing either, the defaults here apply.",
		Attributes: containerAttributes(),
	}
}

func containerAttributes() map[string]schema.Attribute {
	list := func(description string) schema.ListAttribute {
		return schema.ListAttribute{
			Optional: true, ElementType: types.StringType, MarkdownDescription: description,
			Validators: []validator.List{listvalidator.NoNullValues()},
		}
	}
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"init": text("What process 1 runs. Default: `process`.\n" +
			"  - `process`: one application, that of the image or of `entrypoint` and `command`.\n" +
			"  - `system`: the image's `/sbin/init`, such as systemd, configured by cloud-init. It needs `privileged " +
			"= true`, and none of the attributes that say what an application is, or how it is watched, is allowed."),
		"entrypoint": list("The program and its first arguments. If it has no slash, it is looked up in `PATH` of " +
			"the container. An entrypoint of your own also drops the image's command. `[]` leaves the program to " +
			"`command`. Default: the image's."),
		"command": list("Arguments after those of the entrypoint, or the program and its arguments if there is no " +
			"entrypoint. Default: the image's."),
		"env": schema.MapAttribute{
			Optional: true, ElementType: types.StringType, Validators: []validator.Map{mapvalidator.NoNullValues()},
			MarkdownDescription: "Environment of the application, laid over the image's variable by variable. The " +
				"host keeps the rendered values in a volume that only root can read. What a template writes out is " +
				"also in the metadata of its instances' domains, so a secret belongs in a sensitive parameter that " +
				"is given by `parameters_wo`: `{ DB_PASSWORD = \"{{ .db_password }}\" }`.",
		},
		"working_dir": text("Directory in which the application starts, an absolute path. It is created if it is " +
			"missing. Default: the image's, or else `/`."),
		"user": text("User of the application, by name or number, and its group if that is another: `app`, " +
			"`app:www`, `1000:1000`. Names must be in the image. Default: the image's, or else root."),
		"restart": text("When the application is started again after it has ended: `no`, `on-failure` (the exit code " +
			"is not 0) or `always`. Pauses between starts grow. Default: `on-failure`."),
		"stop_signal": text("The signal that asks the application to stop, by name or number, such as `SIGQUIT`. " +
			"Default: the image's, or else `SIGTERM`."),
		"stop_timeout_seconds": schema.Int64Attribute{Optional: true,
			MarkdownDescription: fmt.Sprintf(
				"How long a stop waits before everything in the container is killed, in "+
					"seconds, 0 to 3600. Default: %d.", container.DefaultStopTimeoutSeconds)},
		"privileged": schema.BoolAttribute{Optional: true,
			MarkdownDescription: "Whether the container runs without a user namespace, and with all capabilities. " +
				"**Root in such a container is root on the host.** Default: `false`."},
		"health_check": schema.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "Command that shows whether the application is healthy. Its fields are laid over " +
				"the image's one by one. Default: the image's, or else none.",
			Attributes: map[string]schema.Attribute{
				"command": list("`[\"CMD\", \"/bin/check\", \"--quick\"]` for a program and its arguments, " +
					"`[\"CMD-SHELL\", \"wget -qO- http://127.0.0.1/\"]` for a line for the image's `/bin/sh`, or " +
					"`[\"NONE\"]` for no check. The exit code 0 means healthy. Default: the image's."),
				"interval_seconds": schema.Int64Attribute{Optional: true, MarkdownDescription: fmt.Sprintf(
					"Time between two checks, in seconds, 1 to 86400. Default: %d.", container.DefaultIntervalSeconds)},
				"timeout_seconds": schema.Int64Attribute{Optional: true, MarkdownDescription: fmt.Sprintf(
					"How long a check may run, in seconds, 1 to 86400. Default: %d.",
					container.DefaultTimeoutSeconds)},
				"retries": schema.Int64Attribute{Optional: true, MarkdownDescription: fmt.Sprintf(
					"How many checks have to fail one after another until the application is unhealthy, 1 to 1000. "+
						"Default: %d.",
					container.DefaultRetries)},
				"start_period_seconds": schema.Int64Attribute{Optional: true, MarkdownDescription: fmt.Sprintf(
					"How long after a start failed checks do not count, in seconds, 0 to 86400. Default: %d.",
					container.DefaultStartPeriodSeconds)},
			},
		},
		"tmpfs": schema.MapNestedAttribute{
			Optional: true,
			MarkdownDescription: "Directories in memory, by absolute path, such as `{ \"/run\" = { size_mb = 16 } " +
				"}`. They are empty at each start, and count against the container's memory. `/dev/shm` is allowed, " +
				"and nothing else in `/dev`, `/proc` and `/sys`. Default: none.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"size_mb": schema.Int64Attribute{Optional: true, MarkdownDescription: fmt.Sprintf(
					"Size in MiB, 1 to 1048576. Default: %d.", container.DefaultTmpfsMB)},
			}},
		},
	}
}

// Container reads a container. A list with an unknown element reads as unset, because its elements
// mean nothing by themselves.
func Container(o types.Object) (*container.Settings, bool) {
	return object(o, func(r reader) *container.Settings {
		s := &container.Settings{
			Init:               r.string("init"),
			Entrypoint:         r.list("entrypoint"),
			Command:            r.list("command"),
			Env:                r.texts("env"),
			WorkingDir:         r.string("working_dir"),
			User:               r.string("user"),
			Restart:            r.string("restart"),
			StopSignal:         r.string("stop_signal"),
			StopTimeoutSeconds: r.int("stop_timeout_seconds"),
			Privileged:         r.bool("privileged"),
			Tmpfs: objects(r, "tmpfs", func(r reader) container.Tmpfs {
				return container.Tmpfs{SizeMB: r.int("size_mb")}
			}),
		}
		if o, ok := r.attributes["health_check"].(types.Object); ok {
			var known bool
			s.HealthCheck, known = object(o, healthCheck)
			*r.unknown = *r.unknown || !known
		}
		return s
	})
}

// IsolationKnown reports whether it is known how a container is isolated from its host: its init,
// and its privileges.
func IsolationKnown(o types.Object) bool {
	if o.IsUnknown() {
		return false
	}
	for _, name := range []string{"init", "privileged"} {
		if v := o.Attributes()[name]; v != nil && v.IsUnknown() {
			return false
		}
	}
	return true
}

func healthCheck(r reader) *container.HealthCheck {
	return &container.HealthCheck{
		Command:            r.list("command"),
		IntervalSeconds:    r.int("interval_seconds"),
		TimeoutSeconds:     r.int("timeout_seconds"),
		Retries:            r.int("retries"),
		StartPeriodSeconds: r.int("start_period_seconds"),
	}
}

// ContainerObject writes a container.
func ContainerObject(s *container.Settings) types.Object {
	if s == nil {
		return types.ObjectNull(containerTypes)
	}
	return types.ObjectValueMust(containerTypes, map[string]attr.Value{
		"init":                 types.StringPointerValue(s.Init),
		"entrypoint":           textList(s.Entrypoint),
		"command":              textList(s.Command),
		"env":                  textMap(s.Env),
		"working_dir":          types.StringPointerValue(s.WorkingDir),
		"user":                 types.StringPointerValue(s.User),
		"restart":              types.StringPointerValue(s.Restart),
		"stop_signal":          types.StringPointerValue(s.StopSignal),
		"stop_timeout_seconds": types.Int64PointerValue(s.StopTimeoutSeconds),
		"privileged":           types.BoolPointerValue(s.Privileged),
		"health_check":         healthObject(s.HealthCheck),
		"tmpfs": mapOf(s.Tmpfs, tmpfsType, func(t container.Tmpfs) map[string]attr.Value {
			return map[string]attr.Value{"size_mb": types.Int64PointerValue(t.SizeMB)}
		}),
	})
}

func healthObject(h *container.HealthCheck) types.Object {
	if h == nil {
		return types.ObjectNull(healthTypes)
	}
	return types.ObjectValueMust(healthTypes, map[string]attr.Value{
		"command":              textList(h.Command),
		"interval_seconds":     types.Int64PointerValue(h.IntervalSeconds),
		"timeout_seconds":      types.Int64PointerValue(h.TimeoutSeconds),
		"retries":              types.Int64PointerValue(h.Retries),
		"start_period_seconds": types.Int64PointerValue(h.StartPeriodSeconds),
	})
}
