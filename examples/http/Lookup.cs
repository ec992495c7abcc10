// mcs -r:System.Net.Http.dll -r:System.Runtime.Serialization.dll Lookup.cs (or any .NET)
using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading;

public class ChatRequest { public long idRequest; public string creationDate, userName; }
public class Result { public string status; public ChatRequest chatRequest; }

static class Program
{
    const string Lookup = "{\"connectionId\":\"12345\",\"correlationId\":\"order-7\",\"interactive\":true}";
    static readonly HttpClient Api = new HttpClient { Timeout = TimeSpan.FromSeconds(40) };

    static HttpResponseMessage Ask()
    {
        var url = Environment.GetEnvironmentVariable("API_URL") ?? "http://127.0.0.1:8080";
        var request = new HttpRequestMessage(HttpMethod.Post, url + "/v1/lookups?wait=30");
        var token = Environment.GetEnvironmentVariable("API_TOKEN") ?? "none";
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Add("Idempotency-Key", "order-7"); // so that it is safe to ask again
        request.Content = new StringContent(Lookup, Encoding.UTF8, "application/json");
        return Api.SendAsync(request).GetAwaiter().GetResult();
    }

    static int Main()
    {
        var answer = Ask();
        for (var again = 0; again < 4 && ((int)answer.StatusCode == 429 || (int)answer.StatusCode == 503); again++)
        {
            var after = answer.Headers.RetryAfter;
            Thread.Sleep(after != null && after.Delta != null ? after.Delta.Value : TimeSpan.FromSeconds(1));
            answer = Ask();
        }
        if ((int)answer.StatusCode != 200) // 202: no result within 30 s; the lookup stays on its queue
        {
            Console.Error.WriteLine(answer.Content.ReadAsStringAsync().GetAwaiter().GetResult());
            return 1;
        }
        var body = answer.Content.ReadAsStreamAsync().GetAwaiter().GetResult();
        var result = (Result)new DataContractJsonSerializer(typeof(Result)).ReadObject(body);
        if (result.chatRequest == null) return 1; // result.status says why
        var chat = result.chatRequest;
        Console.OutputEncoding = new UTF8Encoding(false);
        Console.WriteLine("{0} {1} {2}", chat.idRequest, chat.creationDate, chat.userName);
        return 0;
    }
}
