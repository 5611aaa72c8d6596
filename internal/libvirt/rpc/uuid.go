package rpc

import (
	"fmt"

	"github.com/digitalocean/go-libvirt"
)

// FormatUUID formats a UUID as libvirt does.
func FormatUUID(u libvirt.UUID) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
