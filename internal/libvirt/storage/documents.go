package storage

import (
	"bytes"
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// ReadVolume returns all bytes of a small volume, over the connection for documents. It is an error
// if the volume is larger than limit bytes. If the volume is still being created after the usual
// time, ReadVolume returns host.ErrOperationInvalid.
func (s *Volumes) ReadVolume(ctx context.Context, pool, name string, limit int64) ([]byte, error) {
	data, err := s.ReadVolumeAt(ctx, pool, name, 0, limit+1)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, virterr.Fail("reading", virterr.Volume(pool, name),
			fmt.Errorf("it is larger than the %d bytes expected of it", limit))
	}
	return data, nil
}

// ReadVolumeAt returns at most limit bytes of a volume from an offset, or fewer if it ends earlier,
// over the connection for documents.
func (s *Volumes) ReadVolumeAt(ctx context.Context, pool, name string, offset uint64, limit int64) ([]byte, error) {
	const op = "reading"
	object := virterr.Volume(pool, name)
	return ofActivePool(ctx, func() ([]byte, error) {
		data, err := rpc.On(ctx, s.client.Documents, rpc.Request{Op: op, Object: object, Readonly: true},
			func(l *libvirt.Libvirt) ([]byte, error) {
				var buffer bytes.Buffer
				err := l.StorageVolDownload(volumeRef(pool, name), &buffer, offset, uint64(limit), 0)
				return buffer.Bytes(), err
			})
		return data, s.pools.blamePool(ctx, op, object, pool, err)
	})
}

// WriteVolume writes data to the start of a volume over the connection for documents. The rest of
// the volume stays as it is.
func (s *Volumes) WriteVolume(ctx context.Context, pool, name string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	const op = "writing"
	object := virterr.Volume(pool, name)
	kept := bytes.Clone(data) // the request may outlive this call
	err := s.client.Documents.Call(ctx, rpc.Request{Op: op, Object: object}, func(l *libvirt.Libvirt) error {
		return l.StorageVolUpload(volumeRef(pool, name), bytes.NewReader(kept), 0, uint64(len(kept)), 0)
	})
	return s.pools.blamePool(ctx, op, object, pool, err)
}
