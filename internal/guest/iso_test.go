package guest

import (
	"bytes"
	"crypto/rand"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdomanski/iso9660"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// readISO returns the label and the files of an image, read by the library's own reader.
func readISO(t testing.TB, image []byte) (string, map[string][]byte) {
	t.Helper()
	opened, err := iso9660.OpenImage(bytes.NewReader(image))
	if err != nil {
		t.Fatalf("opening the image: %v", err)
	}
	label, err := opened.Label()
	if err != nil {
		t.Fatalf("reading the label: %v", err)
	}
	root, err := opened.RootDir()
	if err != nil {
		t.Fatalf("reading the root directory: %v", err)
	}
	children, err := root.GetChildren()
	if err != nil {
		t.Fatalf("listing the root directory: %v", err)
	}
	files := map[string][]byte{}
	for _, child := range children {
		if files[child.Name()], err = io.ReadAll(child.Reader()); err != nil {
			t.Fatalf("reading %s: %v", child.Name(), err)
		}
	}
	return strings.TrimRight(label, " "), files
}

func TestISOHoldsTheFilesAsGiven(t *testing.T) {
	big := make([]byte, 5*sectorSize+1)
	rand.Read(big)
	for name, files := range map[string]Files{
		"ordinary": {
			UserData: []byte("#cloud-config\nhostname: web\n"), MetaData: []byte("instance-id: web-instance\n"),
			NetworkConfig: []byte("version: 2\nethernets: {}\n"),
		},
		"the same content": {
			UserData: bytes.Repeat([]byte("x"), 100), MetaData: bytes.Repeat([]byte("x"), 100),
			NetworkConfig: bytes.Repeat([]byte("x"), 100),
		},
		"no network": {UserData: bytes.Repeat([]byte("u"), 30), MetaData: bytes.Repeat([]byte("m"), 30)},
		"a sector": {
			UserData: big[:sectorSize], MetaData: big[1 : sectorSize+1], NetworkConfig: big[:2*sectorSize],
		},
		"around a sector": {UserData: big[:sectorSize+1], MetaData: big[:sectorSize-1], NetworkConfig: big},
		"the size of a marker": {
			UserData: big[:markerSize], MetaData: big[:markerSize+1], NetworkConfig: big[:markerSize],
		},
	} {
		t.Run(name, func(t *testing.T) {
			image, err := files.ISO()
			if err != nil {
				t.Fatal(err)
			}
			label, got := readISO(t, image)
			if label != "cidata" {
				t.Errorf("the label is %q, want cidata", label)
			}
			want := map[string][]byte{"user-data": files.UserData, "meta-data": files.MetaData}
			if files.NetworkConfig != nil {
				want["network-config"] = files.NetworkConfig
			}
			if len(got) != len(want) {
				t.Errorf("the image holds %d files, want %d", len(got), len(want))
			}
			for name, content := range want {
				if !bytes.Equal(got[name], content) {
					t.Errorf("%s reads back as %d other bytes than the %d written", name, len(got[name]), len(content))
				}
			}
		})
	}
}

// If the marker began with a zero, a file of one byte more than a sector would have the marker in
// the second sector again.
func TestMarkersDoNotBeginWithAZero(t *testing.T) {
	marker := make([]byte, markerSize)
	for range 10_000 {
		if mark(marker); marker[0] == 0 {
			t.Fatalf("a marker is %x", marker)
		}
	}
}

func TestISOFillsShortFilesWithNewlines(t *testing.T) {
	image, err := Files{UserData: []byte("a: 1"), MetaData: nil, NetworkConfig: []byte{}}.ISO()
	if err != nil {
		t.Fatal(err)
	}
	_, got := readISO(t, image)
	for name, content := range map[string]string{"user-data": "a: 1", "meta-data": "", "network-config": ""} {
		want := content + strings.Repeat("\n", markerSize-len(content))
		if string(got[name]) != want {
			t.Errorf("%s reads back as %q, want %q", name, got[name], want)
		}
	}
}

func TestISONeverPutsContentOnDisk(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	const secret = "correct-horse-battery-staple"
	files := Files{
		UserData:      []byte(strings.Repeat(secret+"\n", 200)),
		MetaData:      []byte(secret + "\n"),
		NetworkConfig: []byte(secret + "\n"),
	}
	var onDisk []string
	image, err := files.iso(func() error {
		return filepath.WalkDir(tmp, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			onDisk = append(onDisk, entry.Name())
			// Even five characters of it in a row would be too much.
			for i := range len(secret) - 5 {
				if bytes.Contains(content, []byte(secret[i:i+5])) {
					t.Errorf("%s holds part of the content", entry.Name())
				}
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(onDisk) != 3 {
		t.Fatalf("looked at the files %q; the test must see all three that are staged", onDisk)
	}
	if !bytes.Contains(image, []byte(secret)) {
		t.Error("the image does not hold the content")
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v (%v)", left, err)
	}
}

func TestISOCleansUpWhenItFails(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	files := Files{UserData: []byte("#cloud-config\n"), MetaData: []byte("a: 1\n")}
	if image, err := files.iso(func() error { return io.ErrUnexpectedEOF }); err == nil {
		t.Errorf("an image of %d bytes was made all the same", len(image))
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v (%v)", left, err)
	}
}

// Time and chance may change only the volume's timestamps (ECMA-119 8.4.26 to 8.4.29); markers and
// the previous content of the library's buffer must be gone.
func TestISOsOfTheSameFilesDifferInTimestampsOnly(t *testing.T) {
	content := make([]byte, sectorSize+700)
	rand.Read(content)
	files := Files{UserData: content, MetaData: []byte("a: 1\n"), NetworkConfig: content[:99]}
	var images [2][]byte
	for i := range images {
		image, err := files.ISO()
		if err != nil {
			t.Fatal(err)
		}
		clear(image[16*sectorSize+813 : 16*sectorSize+881])
		images[i] = image
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("the images differ outside their timestamps")
	}
}

func TestFillRefusesALayoutItDoesNotUnderstand(t *testing.T) {
	marker := bytes.Repeat([]byte("M"), markerSize)
	file := seedFile{name: "user-data", content: bytes.Repeat([]byte("c"), 100), marker: marker}
	for name, image := range map[string][]byte{
		"no marker":        make([]byte, sectorSize),
		"marker astray":    slices.Concat([]byte{0}, marker, make([]byte, sectorSize)),
		"marker twice":     slices.Concat(marker, make([]byte, sectorSize), marker),
		"too little space": slices.Concat(make([]byte, sectorSize), marker),
	} {
		before := bytes.Clone(image)
		if err := fill(image, []seedFile{file}); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if !bytes.Equal(image, before) {
			t.Errorf("%s: the image was written to", name)
		}
	}
}

// Guests of acceptance tests mount it with their own kernels.
func TestAccISOIsReadByOtherPrograms(t *testing.T) {
	needs.Installed(t, "isoinfo")
	files, err := Seed{
		InstanceID: "web-1", Hostname: "web-1",
		NetworkInterfaces: []NetworkInterface{{Name: "eth0", MAC: "52:54:00:12:34:56"}},
	}.Render()
	if err != nil {
		t.Fatal(err)
	}
	image, err := files.ISO()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "seed.iso")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	checkWithIsoinfo(t, path, files)
}

func checkWithIsoinfo(t *testing.T, path string, files Files) {
	t.Helper()
	if header := needs.Tool(t, "isoinfo", "-d", "-i", path); !strings.Contains(header, "\nVolume id: cidata\n") {
		t.Errorf("isoinfo -d: want the volume id cidata in:\n%s", header)
	}
	for name, want := range map[string][]byte{
		"user-data": files.UserData, "meta-data": files.MetaData, "network-config": files.NetworkConfig,
	} {
		if got := needs.Tool(t, "isoinfo", "-i", path, "-x", "/"+name+";1"); got != string(want) {
			t.Errorf("isoinfo reads %s as %q, want %q", name, got, want)
		}
	}
}

func FuzzISO(f *testing.F) {
	f.Add([]byte("#cloud-config\n"), []byte("instance-id: a\n"), []byte("version: 2\n"))
	f.Add([]byte{}, []byte{0}, bytes.Repeat([]byte("CD001"), sectorSize))
	f.Fuzz(func(t *testing.T, user, meta, network []byte) {
		image, err := Files{UserData: user, MetaData: meta, NetworkConfig: network}.ISO()
		if err != nil {
			t.Fatal(err)
		}
		_, got := readISO(t, image)
		for name, want := range map[string][]byte{"user-data": user, "meta-data": meta, "network-config": network} {
			if network == nil && name == "network-config" {
				continue
			}
			if missing := markerSize - len(want); missing > 0 {
				want = slices.Concat(want, bytes.Repeat([]byte("\n"), missing))
			}
			if !bytes.Equal(got[name], want) {
				t.Errorf("%s does not read back as written", name)
			}
		}
	})
}
