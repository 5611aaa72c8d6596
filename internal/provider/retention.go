package provider

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

const day = 24 * time.Hour

// retentionAttribute says which records of provisioning requests are kept.
func retentionAttribute() schema.Attribute {
	number := func(maximum int64, says string) schema.Attribute {
		return schema.Int64Attribute{
			Optional: true, Validators: []validator.Int64{int64validator.Between(1, maximum)},
			MarkdownDescription: says,
		}
	}
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Which records of the tenant's provisioning requests are kept: those that both " +
			"numbers allow. When it creates or reimages an instance, the provider removes the others, once they are " +
			"a tenth of all. It always keeps a request that is not over. See `novacron_provisioning_requests`.",
		Attributes: map[string]schema.Attribute{
			"count": number(1_000_000, fmt.Sprintf("Number of records to keep, newest first. Default: `%d`.",
				catalog.DefaultRequestCount)),
			"age_days": number(100*365, fmt.Sprintf("Number of days to keep a record after the request. Default: `%d`.",
				catalog.DefaultRequestAge/day)),
		},
	}
}

// retention reads the attribute; a missing value is left to the default.
func retention(o types.Object) catalog.Retention {
	number := func(name string) int64 {
		n, _ := o.Attributes()[name].(types.Int64)
		return n.ValueInt64()
	}
	return catalog.Retention{Count: int(number("count")), Age: time.Duration(number("age_days")) * day}
}
