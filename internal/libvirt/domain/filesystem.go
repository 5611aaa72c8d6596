package domain

import (
	"cmp"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// filesystemDoc is a filesystem of a container (https://libvirt.org/formatdomain.html#filesystems).
type filesystemDoc struct {
	Type   string `xml:"type,attr"`
	Driver struct {
		Type   string `xml:"type,attr"`
		Format string `xml:"format,attr"`
	} `xml:"driver"`
	Source struct {
		File  string `xml:"file,attr"`
		Dev   string `xml:"dev,attr"`
		Dir   string `xml:"dir,attr"`
		Usage uint64 `xml:"usage,attr"`
		Units string `xml:"units,attr"`
	} `xml:"source"`
	Target struct {
		Dir string `xml:"dir,attr"`
	} `xml:"target"`
	ReadOnly *struct{} `xml:"readonly"`
}

// filesystem returns what the definition says, with the kind of those that this program defines.
func (doc filesystemDoc) filesystem() host.Filesystem {
	fs := host.Filesystem{
		Source: cmp.Or(doc.Source.File, doc.Source.Dev, doc.Source.Dir), Target: doc.Target.Dir,
		ReadOnly: doc.ReadOnly != nil,
	}
	switch {
	case doc.Type == "file" && doc.Driver.Format == "raw", doc.Type == "block":
		fs.Kind = host.FilesystemImage
	case doc.Type == "mount" && doc.Source.Dir != "":
		fs.Kind = host.FilesystemFile
	case doc.Type == "ram":
		fs.Kind, fs.Size = host.FilesystemRAM, doc.Source.Usage*memoryUnits[doc.Source.Units]
	}
	return fs
}
