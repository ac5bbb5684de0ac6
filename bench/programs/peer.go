// What an all-in-one box does per hook, in Go with Redis: the secret is looked up and compared, the stream is written down.
// Five commands to publish, two to play; one processor. A yardstick that anybody can run beside ours.
//
//	peer LISTEN REDIS
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type hook struct {
	Action string `json:"action"`
	Vhost  string `json:"vhost"`
	App    string `json:"app"`
	Stream string `json:"stream"`
	Param  string `json:"param"`
	Client string `json:"client_id"`
}

type redis struct {
	connection net.Conn
	answers    *bufio.Reader
}

var pool = make(chan *redis, 64)

func (r *redis) ask(words ...string) string {
	var sent strings.Builder
	fmt.Fprintf(&sent, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&sent, "$%d\r\n%s\r\n", len(word), word)
	}
	io.WriteString(r.connection, sent.String())
	return r.answer()
}

func (r *redis) answer() string {
	line, err := r.answers.ReadString('\n')
	if err != nil {
		panic(err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line[0] != '$' || line == "$-1" {
		return line
	}
	size, _ := strconv.Atoi(line[1:])
	value := make([]byte, size+2)
	io.ReadFull(r.answers, value)
	return string(value[:size])
}

func handle(writer http.ResponseWriter, request *http.Request) {
	var said hook
	if err := json.NewDecoder(request.Body).Decode(&said); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	name := said.Vhost + "/" + said.App + "/" + said.Stream
	r := <-pool
	defer func() { pool <- r }()
	if said.Action == "on_publish" {
		secret := r.ask("HGET", "auth", "secret")
		if !strings.Contains(said.Param, secret) {
			http.Error(writer, "refused", http.StatusForbidden)
			return
		}
		whole, _ := json.Marshal(said)
		r.ask("HGET", "streams", name)
		r.ask("HSET", "streams", name, string(whole))
		r.ask("HINCRBY", "counts", "publish", "1")
		r.ask("HGET", "record", "all")
	} else {
		r.ask("HGET", "streams", name)
		r.ask("HINCRBY", "counts", said.Action, "1")
	}
	writer.Header().Set("Content-Type", "application/json")
	io.WriteString(writer, `{"code":0}`)
}

func main() {
	for i := 0; i < cap(pool); i++ {
		connection, err := net.Dial("tcp", os.Args[2])
		if err != nil {
			panic(err)
		}
		pool <- &redis{connection, bufio.NewReader(connection)}
	}
	r := <-pool
	r.ask("HSET", "auth", "secret", "bench")
	pool <- r
	panic(http.ListenAndServe(os.Args[1], http.HandlerFunc(handle)))
}
