// Two users talk through the Go client that openapi-generator makes from the API's document: talk URL.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"

	"example.org/hongyan"
)

const password = "山高月小 水落石出"

// must is the result of a call that must succeed.
func must[T any](result T, response *http.Response, err error) T {
	if err != nil {
		var refusal *hongyan.GenericOpenAPIError
		if errors.As(err, &refusal) {
			panic(fmt.Sprintf("%v: %s", err, refusal.Body()))
		}
		panic(err)
	}
	return result
}

// check ends the program unless the condition holds.
func check(condition bool, what ...any) {
	if !condition {
		panic(fmt.Sprint(what...))
	}
}

func clientOf(url string) *hongyan.APIClient {
	configuration := hongyan.NewConfiguration()
	configuration.Servers = hongyan.ServerConfigurations{{URL: url}}
	return hongyan.NewAPIClient(configuration)
}

type person struct {
	id  string
	api *hongyan.APIClient
	ctx context.Context
}

// newPerson registers a user and logs in by uid.
func newPerson(url, name string) person {
	client := clientOf(url)
	letters := make([]byte, 6)
	_, _ = rand.Read(letters)
	uid := "go_" + hex.EncodeToString(letters)
	registration := hongyan.NewRegistration(name, password)
	registration.SetUid(uid)
	must(client.AccountsAPI.RegisterAccount(context.Background()).Registration(*registration).Execute())
	form := *hongyan.NewLoginByUid(password, uid)
	login := must(client.AccountsAPI.LogInByUid(context.Background()).LoginByUid(form).Execute()).Data
	check(login.UserInfo.Uid == uid && login.UserInfo.Name == name, login.UserInfo)
	ctx := context.WithValue(context.Background(), hongyan.ContextAccessToken, login.TokenClass.Token)
	return person{login.UserInfo.UserId, client, ctx}
}

func (p person) send(receiver person, content, key string) (string, *http.Response, error) {
	draft := hongyan.NewMessageDraft(content, receiver.id)
	draft.SetClientMessageId(key)
	sent, response, err := p.api.MessagesAPI.SendMessage(p.ctx).MessageDraft(*draft).Execute()
	if err != nil {
		return "", response, err
	}
	return sent.Data, response, nil
}

func befriend(asker, other person) {
	form := *hongyan.NewFriendRequestCreate(other.id)
	asked := must(asker.api.FriendsAPI.SendFriendRequest(asker.ctx).FriendRequestCreate(form).Execute()).Data
	check(asked.Status == hongyan.PENDING, asked)
	list := must(other.api.FriendsAPI.ListFriendRequests(other.ctx).Execute()).Data
	received := list[0].FriendRequestReceived
	check(received != nil && received.SenderId == asker.id, "the request did not arrive")
	answer := *hongyan.NewFriendRequestAnswer("accepted")
	must(other.api.FriendsAPI.AnswerFriendRequest(other.ctx, received.RequestId).FriendRequestAnswer(answer).Execute())
}

func main() {
	url := os.Args[1]
	alice, bob := newPerson(url, "爱丽丝 🌸"), newPerson(url, "鲍勃")
	_, _, err := alice.send(bob, "在吗？", "m-0")
	var refusal *hongyan.GenericOpenAPIError
	check(errors.As(err, &refusal), err)
	conflict, known := refusal.Model().(hongyan.SendMessageConflict)
	check(known && conflict.Error == "not_friends", refusal.Model())
	befriend(alice, bob)

	texts, ids := []string{"晚上一起吃火锅吗？🍲", "七点？"}, []string{}
	for place, text := range texts {
		ids = append(ids, must(alice.send(bob, text, fmt.Sprint("m-", place))))
	}
	check(must(alice.send(bob, texts[1], "m-1")) == ids[1], "the same key is the same message")

	row := must(bob.api.ConversationsAPI.ListConversations(bob.ctx).Execute()).Data[0]
	check(row.FriendId == alice.id && row.UnreadCount == 2, row)
	page := must(bob.api.ConversationsAPI.OpenConversation(bob.ctx, row.ConversationId).After(0).Execute()).Data
	for place, message := range page.Messages {
		check(message.GetContent() == texts[place] && message.Seq == int64(place+1), message)
	}

	recall := *hongyan.NewMessageRef(ids[0])
	must(alice.api.MessagesAPI.RecallMessage(alice.ctx).MessageRef(recall).Execute())
	gone := must(bob.api.ConversationsAPI.OpenConversation(bob.ctx, row.ConversationId).Execute()).Data.Messages[0]
	check(gone.MessageId == ids[0] && gone.Recalled && gone.Content.Get() == nil, gone)
	fmt.Println("two users exchanged messages through openapi-generator's Go client")
}
