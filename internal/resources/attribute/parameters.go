package attribute

import (
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
)

var (
	parameterTypes = map[string]attr.Type{
		"type":           types.StringType,
		"description":    types.StringType,
		"required":       types.BoolType,
		"default":        types.StringType,
		"allowed_values": types.SetType{ElemType: types.StringType},
		"min_value":      types.NumberType,
		"max_value":      types.NumberType,
		"min_length":     types.Int64Type,
		"max_length":     types.Int64Type,
		"regex":          types.StringType,
		"sensitive":      types.BoolType,
		"target":         types.StringType,
	}
	parameterType = types.ObjectType{AttrTypes: parameterTypes}
)

// ParametersAttribute is the schema of parameter declarations.
func ParametersAttribute(description string) schema.MapNestedAttribute {
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"type": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "`string` (one line), `text` (any number of lines), `integer`, `number`, " +
					"`bool`, `list` or `map` (of texts).",
			},
			"description": schema.StringAttribute{Optional: true,
				MarkdownDescription: "What the parameter is for. The error about a missing value shows it."},
			"required": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether an instance must set it. Default: `false`.",
			},
			"default": schema.StringAttribute{Optional: true,
				MarkdownDescription: "The value for instances that set none; write lists and maps with " +
					"`jsonencode`. Not allowed with `required` or `sensitive`."},
			"allowed_values": schema.SetAttribute{Optional: true, ElementType: types.StringType,
				MarkdownDescription: "The only allowed values; for a list, the only allowed elements. Not for " +
					"bools and maps."},
			"min_value": schema.NumberAttribute{
				Optional: true, MarkdownDescription: "Minimum of an integer or number.",
			},
			"max_value": schema.NumberAttribute{
				Optional: true, MarkdownDescription: "Maximum of an integer or number.",
			},
			"min_length": schema.Int64Attribute{Optional: true,
				MarkdownDescription: "Minimum number of characters of a text, or of elements of a list or map."},
			"max_length": schema.Int64Attribute{Optional: true,
				MarkdownDescription: "Maximum number of characters of a text, or of elements of a list or map."},
			"regex": schema.StringAttribute{Optional: true, MarkdownDescription: "Regular expression " +
				"([RE2](https://github.com/google/re2/wiki/Syntax)) that a string or text must match. Anchor it with " +
				"`^` and `$` to match the whole text."},
			"sensitive": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the value is a secret. " +
				"`effective_parameters` and the host's metadata omit it. Set it in `parameters_wo`. Default: `false`."},
			"target": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "What the value drives besides being a variable of `cloud_init.user_data`: `" +
					strings.Join(parameter.Targets(), "`, `") + "`. A parameter named `hostname` or `ssh_key` has " +
					"that target automatically.",
			},
		}},
	}
}

// Parameters reads parameter declarations.
func Parameters(m types.Map) (declared map[string]parameter.Parameter, known bool) {
	var unknown bool
	if (reader{unknown: &unknown}).missing(m) {
		return nil, !unknown
	}
	declared = elements(m, &unknown, func(r reader) parameter.Parameter {
		p := parameter.Parameter{
			Default:       r.string("default"),
			AllowedValues: r.strings("allowed_values"),
			MinValue:      r.number("min_value"),
			MaxValue:      r.number("max_value"),
			MinLength:     r.int("min_length"),
			MaxLength:     r.int("max_length"),
		}
		for to, name := range map[*string]string{
			&p.Type: "type", &p.Description: "description", &p.Regex: "regex", &p.Target: "target",
		} {
			if s := r.string(name); s != nil {
				*to = *s
			}
		}
		for to, name := range map[*bool]string{&p.Required: "required", &p.Sensitive: "sensitive"} {
			if b := r.bool(name); b != nil {
				*to = *b
			}
		}
		slices.Sort(p.AllowedValues)
		return p
	})
	return declared, !unknown
}

// ParametersMap writes parameter declarations.
func ParametersMap(declared map[string]parameter.Parameter) types.Map {
	return mapOf(declared, parameterType, func(p parameter.Parameter) map[string]attr.Value {
		return map[string]attr.Value{
			"type":           types.StringValue(p.Type),
			"description":    OptionalString(p.Description),
			"required":       optionalTrue(p.Required),
			"default":        types.StringPointerValue(p.Default),
			"allowed_values": StringSet(p.AllowedValues),
			"min_value":      optionalNumber(p.MinValue),
			"max_value":      optionalNumber(p.MaxValue),
			"min_length":     types.Int64PointerValue(p.MinLength),
			"max_length":     types.Int64PointerValue(p.MaxLength),
			"regex":          OptionalString(p.Regex),
			"sensitive":      optionalTrue(p.Sensitive),
			"target":         OptionalString(p.Target),
		}
	})
}

// OptionalString writes a string, or null for "".
func OptionalString(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// optionalTrue writes true, or null for false, which is the default.
func optionalTrue(b bool) types.Bool {
	if !b {
		return types.BoolNull()
	}
	return types.BoolValue(true)
}

// StringSet writes a set of strings, or null for nil.
func StringSet(all []string) types.Set {
	if all == nil {
		return types.SetNull(types.StringType)
	}
	return types.SetValueMust(types.StringType, texts(all))
}

// optionalNumber writes a decimal number, or null for nil.
func optionalNumber(text *string) types.Number {
	if text == nil {
		return types.NumberNull()
	}
	n, _, err := big.ParseFloat(*text, 10, 512, big.ToNearestEven) // Terraform's precision
	if err != nil {
		return types.NumberNull()
	}
	return types.NumberValue(n)
}
