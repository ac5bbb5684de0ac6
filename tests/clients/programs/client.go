// Sends the requests that come as JSON on its input, with nothing added; what came back goes to its output as JSON.
package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
)

type wanted struct {
	Method, URL, Body string
	Headers           map[string]string
}

type got struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   []byte `json:"body"`
}

func send(w wanted) got {
	request, err := http.NewRequest(w.Method, w.URL, strings.NewReader(w.Body))
	if err != nil {
		panic(err)
	}
	for name, value := range w.Headers {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(err)
	}
	return got{answer.StatusCode, answer.Header.Get("Content-Type"), body}
}

func main() {
	var all []wanted
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		panic(err)
	}
	answers := []got{}
	for _, w := range all {
		answers = append(answers, send(w))
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
