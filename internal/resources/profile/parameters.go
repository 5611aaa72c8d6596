package profile

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

var (
	parameterTypes = map[string]attr.Type{
		"type": types.StringType, "description": types.StringType, "required": types.BoolType,
		"default": types.StringType, "target": types.StringType,
	}
	parameterType = types.ObjectType{AttrTypes: parameterTypes}
)

// ParametersAttribute is the schema of parameter declarations.
func ParametersAttribute(description string) schema.MapNestedAttribute {
	targets := "`" + strings.Join(catalog.Targets(), "`, `") + "`"
	return schema.MapNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"type": schema.StringAttribute{
				Required:            true,
				Validators:          []validator.String{stringvalidator.OneOf(catalog.ParameterTypes()...)},
				MarkdownDescription: "`string` (one line) or `text` (any number of lines).",
			},
			"description": schema.StringAttribute{Optional: true, MarkdownDescription: "What the parameter is for; shown when it is missing."},
			"required":    schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether an instance must set it. Default: `false`."},
			"default":     schema.StringAttribute{Optional: true, MarkdownDescription: "The value where an instance sets none. Not with `required`."},
			"target": schema.StringAttribute{
				Optional:            true,
				Validators:          []validator.String{stringvalidator.OneOf(catalog.Targets()...)},
				MarkdownDescription: "What the value drives: " + targets + ". A parameter of such a name has that target by itself.",
			},
		}},
	}
}

// Parameters reads parameter declarations.
func Parameters(m types.Map) (declared map[string]catalog.Parameter, known bool) {
	var unknown bool
	if (reader{unknown: &unknown}).missing(m) {
		return nil, !unknown
	}
	declared = elements(m, &unknown, func(r reader) catalog.Parameter {
		p := catalog.Parameter{Default: r.string("default")}
		for to, name := range map[*string]string{&p.Type: "type", &p.Description: "description", &p.Target: "target"} {
			if s := r.string(name); s != nil {
				*to = *s
			}
		}
		if required := r.bool("required"); required != nil {
			p.Required = *required
		}
		return p
	})
	return declared, !unknown
}

// ParametersMap writes parameter declarations.
func ParametersMap(declared map[string]catalog.Parameter) types.Map {
	return mapOf(declared, parameterType, func(p catalog.Parameter) map[string]attr.Value {
		return map[string]attr.Value{
			"type": types.StringValue(p.Type), "description": OptionalString(p.Description), "required": optionalTrue(p.Required),
			"default": types.StringPointerValue(p.Default), "target": OptionalString(p.Target),
		}
	})
}

// OptionalString is null for "".
func OptionalString(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// optionalTrue is null for false, which is what leaving it out means.
func optionalTrue(b bool) types.Bool {
	if !b {
		return types.BoolNull()
	}
	return types.BoolValue(true)
}
