package template

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// Model is the state or configuration of a template.
type Model struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	DisplayName        types.String `tfsdk:"display_name"`
	Description        types.String `tfsdk:"description"`
	Type               types.String `tfsdk:"type"`
	Labels             types.Map    `tfsdk:"labels"`
	DefaultStrategy    types.String `tfsdk:"default_strategy"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	IsPublic           types.Bool   `tfsdk:"is_public"`
	AccessControl      types.Object `tfsdk:"access_control"`
	attribute.Lifecycle
	attribute.Spec
	Enforcement types.String `tfsdk:"enforcement"`
	Tenant      types.String `tfsdk:"tenant"`
	Owner       types.String `tfsdk:"owner"`
	CreatedAt   types.String `tfsdk:"created_at"`
	UpdatedAt   types.String `tfsdk:"updated_at"`
}

// writeTo writes the user's settings into a template.
func (m *Model) writeTo(t *catalog.Template) {
	t.DisplayName, t.Description = m.DisplayName.ValueString(), m.Description.ValueString()
	t.Labels = attribute.Labels(m.Labels)
	t.DefaultStrategy = catalog.Strategy(m.DefaultStrategy.ValueString())
	t.DeletionProtection = m.DeletionProtection.ValueBool()
	t.Spec = m.Spec.Core()
	t.Public = m.IsPublic.ValueBool()
	t.Access, _ = attribute.Access(m.AccessControl)
	lifecycle := m.Lifecycle.Core()
	t.State, t.Deprecation = lifecycle.State, lifecycle.Deprecation
}

// kind returns the type that a configuration says; "" if it is not known yet.
func (m *Model) kind() string {
	if m.Type.IsNull() {
		return catalog.TypeVM
	}
	return m.Type.ValueString()
}

// fromTemplate copies a template of the catalog into the model.
func (m *Model) fromTemplate(t catalog.Template, enforcement string) {
	m.computed(t, enforcement)
	m.Name = types.StringValue(t.ID.Name)
	m.DisplayName = attribute.KeepString(m.DisplayName, t.DisplayName)
	m.Description = attribute.KeepString(m.Description, t.Description)
	m.Type = types.StringValue(t.Type)
	m.Labels = attribute.KeepLabels(m.Labels, t.Labels)
	m.DefaultStrategy = types.StringValue(string(t.DefaultStrategy))
	m.DeletionProtection = types.BoolValue(t.DeletionProtection)
	m.Spec.Refresh(t.Spec)
	m.IsPublic = types.BoolValue(t.Public)
	m.AccessControl = attribute.KeepAccess(m.AccessControl, t.Access)
	m.Lifecycle.Refresh(t.Lifecycle)
}

// Of returns the model of a template of the catalog, without a configuration.
func Of(t catalog.Template, enforcement string) Model {
	m := Model{Spec: attribute.NoSpec(), Labels: types.MapNull(types.StringType)}
	m.fromTemplate(t, enforcement)
	return m
}

// computed copies the attributes that only the catalog knows.
func (m *Model) computed(t catalog.Template, enforcement string) {
	m.Enforcement = types.StringValue(enforcement)
	m.Lifecycle.Published(t.Lifecycle)
	m.ID, m.Tenant = types.StringValue(t.ID.String()), types.StringValue(t.ID.Tenant)
	m.Owner = types.StringValue(t.Owner)
	m.CreatedAt = types.StringValue(t.CreatedAt.Format(time.RFC3339))
	m.UpdatedAt = types.StringValue(t.UpdatedAt.Format(time.RFC3339))
}

// id returns the template's id, as the state has it.
func (m *Model) id() (catalog.TemplateID, error) { return catalog.ParseTemplateID(m.ID.ValueString()) }
