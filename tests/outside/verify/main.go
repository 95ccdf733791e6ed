// Reads a checkpoint, a receipt or two checkpoints of ours with golang.org/x/mod/sumdb alone, and says whether they hold.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(why interface{}) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	return data
}

func hash(text string) tlog.Hash {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != tlog.HashSize {
		fail("a hash is not one")
	}
	var made tlog.Hash
	copy(made[:], raw)
	return made
}

// tree opens a signed note with the key and returns size and root of the checkpoint in it.
func tree(data []byte, key string) (int64, tlog.Hash) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		fail(err)
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		fail(err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		fail("the note holds no checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail(err)
	}
	return size, hash(lines[2])
}

type extra struct {
	Leaf     []byte `json:"leaf"`
	Previous *struct {
		Checkpoint []byte   `json:"checkpoint"`
		Proof      []string `json:"proof"`
	} `json:"previous"`
}

func receipt(data []byte, key string) {
	head, signed, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("no receipt")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		fail(err)
	}
	var more extra
	if err := json.Unmarshal(raw, &more); err != nil {
		fail(err)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		fail(err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		proof = append(proof, hash(line))
	}
	size, root := tree([]byte(signed), key)
	if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(more.Leaf)); err != nil {
		fail(err)
	}
	fmt.Printf("leaf %d of %d\n", index, size)
	if more.Previous != nil {
		old, before := tree(more.Previous.Checkpoint, key)
		var growth tlog.TreeProof
		for _, line := range more.Previous.Proof {
			growth = append(growth, hash(line))
		}
		if err := tlog.CheckTree(growth, size, root, old, before); err != nil {
			fail(err)
		}
		fmt.Printf("grown from %d\n", old)
	}
}

// root computes the root over the leaves of an export with Go's own tree, and compares it with the checkpoint.
func root(checkpoint []byte, entries string, key string) {
	size, signed := tree(checkpoint, key)
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for number, line := range strings.Split(strings.TrimSuffix(entries, "\n"), "\n") {
		hashes, err := tlog.StoredHashes(int64(number), []byte(line), reader)
		if err != nil {
			fail(err)
		}
		stored = append(stored, hashes...)
	}
	made, err := tlog.TreeHash(size, reader)
	if err != nil || made != signed {
		fail("another root")
	}
	fmt.Printf("root of %d\n", size)
}

func main() {
	if len(os.Args) < 4 {
		fail("verify checkpoint|receipt|log KEY FILE [ENTRIES]")
	}
	switch what, key := os.Args[1], os.Args[2]; what {
	case "checkpoint":
		size, _ := tree(read(os.Args[3]), key)
		fmt.Printf("checkpoint of %d\n", size)
	case "receipt":
		receipt(read(os.Args[3]), key)
	case "log":
		root(read(os.Args[3]), string(read(os.Args[4])), key)
	default:
		fail("nothing of that name")
	}
}
