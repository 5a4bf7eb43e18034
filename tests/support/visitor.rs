//! Whoever speaks HTTP to the self-service page without being a browser: without scripts, or without manners.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any page takes.
const HANGS: Duration = Duration::from_secs(60);

/// One that comes through a proxy on this machine, which says where it is.
pub struct Visitor {
    port: u16,
    /// What it says of itself, and may be changed.
    pub headers: BTreeMap<String, String>,
    pub cookies: BTreeMap<String, String>,
    connection: Option<BufReader<TcpStream>>,
}

/// A form whose answer nobody has read yet. To drop it is to hang up.
pub struct Sent(BufReader<TcpStream>);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Visitor {
    pub fn new(port: u16, origin: &str, address: &str) -> Visitor {
        let header = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Visitor {
            port,
            headers: [
                ("Host", "localhost"),
                ("User-Agent", "Visitor/1"),
                ("Origin", origin),
                ("X-Forwarded-For", address),
            ]
            .map(header)
            .into(),
            cookies: BTreeMap::new(),
            connection: None,
        }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, None)
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.request("POST", path, Some(&encoded(fields)))
    }

    /// Sends a form over a connection of its own, without waiting for the answer.
    pub fn send(&self, path: &str, fields: &[(&str, &str)]) -> Sent {
        let message = self.message("POST", path, Some(&encoded(fields)));
        let mut connection = connect(self.port);
        connection.get_mut().write_all(message.as_bytes()).unwrap();
        Sent(connection)
    }

    /// Goes where it is sent.
    pub fn follow(&mut self, answer: Answer) -> Answer {
        match answer.header("location") {
            Some(to) => self.get(to),
            None => answer,
        }
    }

    pub fn request(&mut self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let message = self.message(method, path, body);
        let mut connection = self.connection.take().unwrap_or_else(|| connect(self.port));
        connection.get_mut().write_all(message.as_bytes()).unwrap();
        let answer = Answer::read(&mut connection);
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        self.take_cookies(&answer);
        answer
    }

    pub fn message(&self, method: &str, path: &str, body: Option<&str>) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            head += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        if let Some(body) = body {
            head += "Content-Type: application/x-www-form-urlencoded\r\n";
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head + "\r\n" + body.unwrap_or_default()
    }

    fn take_cookies(&mut self, answer: &Answer) {
        for (_, cookie) in answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
        {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match cookie.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    /// Gives this name, and answers what is asked.
    pub fn sign_in(&mut self, user: &str, answers: &[&str]) -> Answer {
        let token = self.get("/sign-in").token();
        let mut answer = self.post("/sign-in", &[("token", &token), ("user", user)]);
        for text in answers {
            let token = answer.token();
            answer = self.post("/answer", &[("token", &token), ("answer", text)]);
        }
        self.follow(answer)
    }

    /// Makes an app password and returns it.
    pub fn create(&mut self, label: &str, answers: &[&str]) -> String {
        let token = self.get("/new").token();
        let fields = [
            ("token", token.as_str()),
            ("label", label),
            ("service", "mail"),
        ];
        let mut answer = self.post("/new", &fields);
        for text in answers {
            let token = answer.token();
            answer = self.post("/answer", &[("token", &token), ("answer", text)]);
        }
        answer
            .secret()
            .unwrap_or_else(|| panic!("no secret in {answer:?}"))
    }
}

impl Sent {
    pub fn answer(mut self) -> Answer {
        Answer::read(&mut self.0)
    }
}

impl Answer {
    fn read(connection: &mut BufReader<TcpStream>) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).unwrap();
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines
            .first()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let pair = |line: &String| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        };
        let mut answer = Answer {
            status: status.expect("an answer"),
            headers: lines.iter().skip(1).filter_map(pair).collect(),
            body: String::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        connection.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        Some(headers.find(|(other, _)| other == name)?.1.as_str())
    }

    /// That of the page's forms.
    #[track_caller]
    pub fn token(&self) -> String {
        let found = self.body.split("name=\"token\" value=\"").nth(1);
        let token = found.and_then(|rest| rest.split('"').next());
        token
            .unwrap_or_else(|| panic!("no form in {self:?}"))
            .to_owned()
    }

    /// The app password that the page shows.
    pub fn secret(&self) -> Option<String> {
        let code = self.body.split("<code").nth(1)?.split("</code>").next()?;
        let groups = code.split("<span>").skip(1);
        let groups: Option<Vec<_>> = groups.map(|group| group.split('<').next()).collect();
        Some(groups?.join("-"))
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

fn connect(port: u16) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(HANGS)).unwrap();
    BufReader::new(stream)
}
