//! A browser: Debian's Chromium, driven as a person would, through its WebDriver.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::helper::Running;

/// What has to be there.
pub const NEEDS: [&str; 2] = ["chromium", "chromedriver"];

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the browser takes for anything.
const HANGS: Duration = Duration::from_secs(60);
/// The name that WebDriver gives an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What has the focus, and whether that can be seen.
const FOCUS: &str = "
    const focus = document.activeElement, style = getComputedStyle(focus);
    return {
      name: focus.id || focus.textContent.trim() || focus.name,
      order: [...document.querySelectorAll('*')].indexOf(focus),
      is_seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
        || getComputedStyle(focus.parentElement).outlineStyle !== 'none',
    };";

pub struct Browser {
    port: u16,
    session: String,
    // Behind what uses them: the driver ends the browser, whose profile goes with it.
    _driver: Running,
    _profile: TempDir,
}

impl Browser {
    /// A fresh one, without a history or cookies, that prefers this language.
    pub fn start(language: &str) -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = said.find_map(|line| {
            let line = line.ok()?;
            line.split("successfully on port ")
                .nth(1)?
                .trim_end_matches('.')
                .parse()
                .ok()
        });
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Browser {
            port: port.expect("chromedriver says its port"),
            session: String::new(),
            _driver: Running(driver),
            _profile: profile,
        };
        // It goes on to write, and must find a reader.
        std::thread::spawn(move || said.for_each(drop));
        browser.open(language);
        browser
    }

    fn open(&mut self, language: &str) {
        let profile = self._profile.path().display();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &format!("--user-data-dir={profile}"),
            &format!("--accept-lang={language}"),
        ];
        let answer = self.request(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "acceptInsecureCerts": true,
                "goog:chromeOptions": {"args": arguments},
            }}}),
        );
        self.session = answer["sessionId"].as_str().unwrap().to_owned();
    }

    /// As on a screen of this width, with this scheme of colours.
    pub fn looks(&self, width: u32, scheme: &str) {
        let height = if width < 600 { 740 } else { 800 };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    pub fn go(&self, url: &str) {
        self.command("POST", "/url", &json!({"url": url}));
    }

    pub fn back(&self) {
        self.command("POST", "/back", &json!({}));
    }

    pub fn reload(&self) {
        self.command("POST", "/refresh", &json!({}));
    }

    pub fn address(&self) -> String {
        self.command("GET", "/url", &Json::Null)
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn title(&self) -> String {
        self.command("GET", "/title", &Json::Null)
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What can be read on the page.
    pub fn text(&self) -> String {
        self.text_of("body")
    }

    /// A page may be on its way while it is read: then the next one is.
    pub fn text_of(&self, selector: &str) -> String {
        loop {
            let element = self.element(selector);
            let path = format!("/session/{}/element/{element}/text", self.session);
            if let Ok(text) = self.answer("GET", &path, &Json::Null) {
                return text.as_str().unwrap().to_owned();
            }
        }
    }

    pub fn has(&self, selector: &str) -> bool {
        self.find(selector).is_some()
    }

    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into a field, as a person does who sees that it is empty.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/clear"), &json!({}));
        self.press(selector, text);
    }

    pub fn press(&self, selector: &str, keys: &str) {
        let element = self.element(selector);
        let keys = json!({"text": keys});
        self.command("POST", &format!("/element/{element}/value"), &keys);
    }

    /// Presses a key, wherever the focus is, and says where it is then.
    pub fn tab(&self) -> Json {
        let focus = self.command("GET", "/element/active", &Json::Null);
        let focus = focus[ELEMENT].as_str().unwrap();
        let key = json!({"text": "\u{e004}"});
        self.command("POST", &format!("/element/{focus}/value"), &key);
        self.script(FOCUS)
    }

    /// What a script says that sees the page.
    pub fn script(&self, script: &str) -> Json {
        self.command(
            "POST",
            "/execute/sync",
            &json!({"script": script, "args": []}),
        )
    }

    /// What axe-core says is wrong with the page by WCAG 2.2 AA.
    pub fn judged_by(&self, axe: &str) -> Json {
        let script = format!(
            "{axe}; const done = arguments[0];
             axe.run({{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}}).then(
               (result) => done(result.violations.map((v) => [v.id, v.nodes.map((node) => node.html)])),
               (error) => done(String(error)));"
        );
        let body = json!({"script": script, "args": []});
        self.command("POST", "/execute/async", &body)
    }

    /// Waits until the page says it.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        let began = Instant::now();
        while !self.text().contains(text) {
            assert!(
                began.elapsed() < PATIENCE,
                "{text:?} is not in\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The whole page as a picture.
    pub fn picture(&self, path: &Path) {
        let picture = self.devtools(
            "Page.captureScreenshot",
            &json!({"format": "png", "captureBeyondViewport": true}),
        );
        fs::write(path, decoded(picture["data"].as_str().unwrap())).unwrap();
    }

    pub fn cookies(&self) -> Json {
        self.command("GET", "/cookie", &Json::Null)
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(element) = self.find(selector) {
                return element;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "no {selector} in\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn find(&self, selector: &str) -> Option<String> {
        let using = json!({"using": "css selector", "value": selector});
        let found = self.command("POST", "/elements", &using);
        Some(found.get(0)?[ELEMENT].as_str()?.to_owned())
    }

    fn devtools(&self, command: &str, parameters: &Json) -> Json {
        let body = json!({"cmd": command, "params": parameters});
        self.command("POST", "/goog/cdp/execute", &body)
    }

    fn command(&self, method: &str, path: &str, body: &Json) -> Json {
        self.request(method, &format!("/session/{}{path}", self.session), body)
    }

    #[track_caller]
    fn request(&self, method: &str, path: &str, body: &Json) -> Json {
        let answer = self.answer(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn answer(&self, method: &str, path: &str, body: &Json) -> Result<Json, Json> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(HANGS)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer: Json = serde_json::from_slice(&body_of(stream)).unwrap();
        let value = answer["value"].take();
        match value.get("error") {
            None | Some(Json::Null) => Ok(value),
            Some(_) => Err(value),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.command("DELETE", "", &Json::Null);
        }
    }
}

/// The body of an answer. The driver does not hang up behind it.
fn body_of(stream: TcpStream) -> Vec<u8> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    body
}

/// Base64, as far as it is needed for a picture.
fn decoded(text: &str) -> Vec<u8> {
    let value = |digit| match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits = text.bytes().filter(|digit| *digit != b'=').map(value);
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
