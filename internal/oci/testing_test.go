package oci_test

import (
	"errors"
	"io"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
)

var request = oci.Request{Origin: image.Origin{Name: "shop.tar", Attribute: "path"}, Platform: oci.LinuxAMD64}

// fromFile opens a file with that content.
func fromFile(t testing.TB, r oci.Request, content []byte) (*oci.Image, error) {
	t.Helper()
	file := must.Get[*localfile.File](t)(localfile.Open(r.Origin, imagetest.WriteFile(t, content)))
	return oci.FromFile(t.Context(), r, file)
}

// listed are the files of an image's root.
func listed(t testing.TB, im *oci.Image) ([]string, error) {
	t.Helper()
	tree, err := im.Index(t.Context(), oci.Options{})
	if err != nil {
		return nil, err
	}
	var names []string
	r := tree.Open(t.Context())
	defer r.Close()
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return names, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return names, err
		}
		if h.Name == "etc/made-for" {
			h.Name += "=" + string(content)
		}
		names = append(names, h.Name)
	}
}

var shopFiles = []string{"./", "etc/", "etc/passwd", "etc/group", "shop", "etc/made-for=amd64"}

func mustDo(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
