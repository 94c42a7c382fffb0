//! A tab of a headless Chromium.

use std::path::PathBuf;
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams, DispatchMouseEventType, MouseButton,
};
use chromiumoxide::cdp::browser_protocol::network::EventLoadingFailed;
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use chromiumoxide::{Browser, BrowserConfig, Page};
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;

/// Browsers at a time: each is several processes.
static BROWSERS: Semaphore = Semaphore::const_new(2);
/// What does not come about in this time does not come about.
const PATIENCE_MS: u32 = 60_000;

/// Times that a page is loaded, at most, while the machine's addresses change.
const LOADS: usize = 5;

/// What the page is looked at with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Device {
    width: u32,
    height: u32,
    is_phone: bool,
    is_dark: bool,
    is_still: bool,
}

impl Device {
    pub(crate) const DESKTOP: Device =
        Device { width: 1440, height: 900, is_phone: false, is_dark: false, is_still: false };
    pub(crate) const PHONE: Device =
        Device { width: 360, height: 740, is_phone: true, is_dark: false, is_still: false };

    pub(crate) const fn dark(self) -> Device {
        Device { is_dark: true, ..self }
    }

    /// Whose owner asked the system for less motion.
    pub(crate) const fn still(self) -> Device {
        Device { is_still: true, ..self }
    }
}

pub(crate) struct Tab {
    browser: Browser,
    device: Device,
    page: Page,
    events: JoinHandle<()>,
    _profile: TempDir,
    _permit: SemaphorePermit<'static>,
}

/// What the tests' expressions use, what goes wrong in the page, and when its first figures have been painted.
const PRELUDE: &str = "
    window.text = (selector, root = document) => root.querySelector(selector)?.textContent ?? null;
    window.all = (selector) => [...document.querySelectorAll(selector)];
    window.faults = [];
    addEventListener('error', (event) => {
        const { src, href } = event.target;
        faults.push(event.message ?? `cannot load ${src ?? href}`);
    }, true);
    addEventListener('unhandledrejection', (event) => faults.push(String(event.reason)));
    addEventListener('securitypolicyviolation', (event) => faults.push(`${event.violatedDirective} ${event.blockedURI}`));
    new MutationObserver((_, observer) => {
        if (!document.querySelector('#stores li')) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.painted_ms = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });
";

impl Tab {
    pub(crate) async fn open(url: &str, device: Device) -> Tab {
        let permit = BROWSERS.acquire().await.unwrap();
        let profile = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable(chromium().expect("a stage is set only where Chromium is"))
            .user_data_dir(profile.path())
            .no_sandbox()
            .new_headless_mode()
            .viewport(None)
            .args(["--lang=en-US", "--disable-gpu", "--disable-dev-shm-usage"])
            // Its own first tab may come to the front at any time, and the one behind it draws no frames.
            .arg("--no-startup-window")
            .launch_timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        let (browser, mut handler) = Browser::launch(config).await.unwrap();
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        let page = new_page(&browser, url, device).await;
        Tab { browser, device, page, events, _profile: profile, _permit: permit }
    }

    /// Opens another tab in the same browser, in front of this one, which is given back.
    pub(crate) async fn another(&mut self, url: &str) -> Page {
        let page = new_page(&self.browser, url, self.device).await;
        std::mem::replace(&mut self.page, page)
    }

    /// Turns to a tab that is open.
    pub(crate) async fn turn_to(&mut self, page: Page) {
        page.bring_to_front().await.unwrap();
        self.page = page;
    }

    pub(crate) async fn close(mut self) {
        self.browser.close().await.unwrap();
        self.browser.wait().await.unwrap();
        self.events.await.unwrap();
    }

    /// The value of an expression, or of the promise that it is.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let evaluate =
            EvaluateParams::builder().expression(expression).await_promise(true).return_by_value(true).build().unwrap();
        self.page.evaluate_expression(evaluate).await.unwrap().value().cloned().unwrap_or(Value::Null)
    }

    /// Runs statements.
    pub(crate) async fn run(&self, statements: &str) {
        self.value(&format!("{statements}; null")).await;
    }

    /// Waits until an expression has this value.
    pub(crate) async fn until(&self, expression: &str, expected: &Value) {
        let watched = format!(
            "new Promise((done) => {{
                const wanted = JSON.stringify({expected});
                const last = performance.now() + {PATIENCE_MS};
                const look = () => {{
                    let value;
                    try {{ value = {expression}; }} catch (fault) {{ value = String(fault); }}
                    if (typeof value === 'undefined') value = null;
                    if (JSON.stringify(value) === wanted || performance.now() > last) done(value);
                    else setTimeout(look, 30);
                }};
                look();
            }})"
        );
        let found = self.value(&watched).await;
        let looks = "`${document.visibilityState}, ${document.documentElement.dataset.state}, ${faults}`";
        assert!(&found == expected, "{expression} is {found}, not {expected}; {}", self.value(looks).await);
    }

    pub(crate) async fn reload(&self) {
        self.page.reload().await.unwrap();
    }

    /// Clicks in the middle of an element, as a pointer does.
    pub(crate) async fn click(&self, selector: &str) {
        let middle = format!(
            "(() => {{ const node = document.querySelector({selector:?}); node.scrollIntoView({{ block: 'center', behavior: 'instant' }}); const r = node.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; }})()"
        );
        let at = self.value(&middle).await;
        self.click_at(&at).await;
    }

    /// Clicks at `[x, y]`.
    pub(crate) async fn click_at(&self, at: &Value) {
        let (x, y) = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
        for kind in [
            DispatchMouseEventType::MouseMoved,
            DispatchMouseEventType::MousePressed,
            DispatchMouseEventType::MouseReleased,
        ] {
            let event =
                DispatchMouseEventParams::builder().r#type(kind).x(x).y(y).button(MouseButton::Left).click_count(1);
            self.page.execute(event.build().unwrap()).await.unwrap();
        }
    }

    /// Presses a named key.
    pub(crate) async fn press(&self, key: &str) {
        for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
            let event = DispatchKeyEventParams::builder().r#type(kind).key(key).code(key);
            self.page.execute(event.build().unwrap()).await.unwrap();
        }
    }

    /// Types into a field, in place of what is there.
    pub(crate) async fn fill(&self, selector: &str, value: &str) {
        self.run(&format!(
            "{{ const field = document.querySelector({selector:?}); field.value = {value:?}; field.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"
        ))
        .await;
    }

    /// Chooses from a list, once the choice is there.
    pub(crate) async fn choose(&self, selector: &str, value: &str) {
        let there = format!("all('{selector} option').some((option) => option.value === {value:?})");
        self.until(&there, &Value::Bool(true)).await;
        self.run(&format!(
            "{{ const list = document.querySelector({selector:?}); list.value = {value:?}; list.dispatchEvent(new Event('change', {{ bubbles: true }})); }}"
        ))
        .await;
    }
}

/// A tab in front of all others.
async fn new_page(browser: &Browser, url: &str, device: Device) -> Page {
    let page = browser.new_page("about:blank").await.unwrap();
    let metrics = SetDeviceMetricsOverrideParams::new(device.width, device.height, 1.0, device.is_phone);
    page.execute(metrics).await.unwrap();
    let scheme = if device.is_dark { "dark" } else { "light" };
    let motion = if device.is_still { "reduce" } else { "no-preference" };
    let wishes = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", motion)];
    let wishes = wishes.map(|(name, value)| MediaFeature::new(name, value));
    page.execute(SetEmulatedMediaParams::builder().features(wishes).build()).await.unwrap();
    page.evaluate_on_new_document(PRELUDE).await.unwrap();
    page.bring_to_front().await.unwrap();
    let mut failures = page.event_listener::<EventLoadingFailed>().await.unwrap();
    // Chromium gives up what it is loading when an address of the machine changes, which is no fault of the page.
    for _ in 0..LOADS {
        page.goto(url).await.unwrap();
        let failed = std::iter::from_fn(|| failures.next().now_or_never().flatten());
        if failed.filter(|failure| failure.error_text == "net::ERR_NETWORK_CHANGED").count() == 0 {
            break;
        }
    }
    page
}

/// Where Chromium is, if it is installed: where `CHROMIUM` says, or in the path.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file())
}
