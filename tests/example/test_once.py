"""What happens once, and to one customer: orders, stock, tasks. In the checkout: see test_branches.py"""

from django.contrib.auth.models import User
from django.core import mail

from shop import flows
from shop.models import Item, Order
from shop.orders import place_order
from tests.example.customer import item, item_url
from tests.visitor import at_once


def test_two_tabs_buy_two_things_with_a_login_in_the_middle(customer):
    tab = customer.another_tab()
    customer.begin("Teapot", 2)
    tab.begin("Notebook")
    assert customer.task_id != tab.task_id
    customer.log_in()
    assert customer.place == "how-to-pay/choose-method/"
    tab.open(tab.url)
    assert tab.place == "how-to-pay/choose-method/"
    tab.submit(method="saved-1")
    customer.submit(method="saved-1")
    assert "2 × Teapot" in customer.seen.text
    assert "1 × Notebook" in tab.seen.text
    tab.submit()
    customer.submit()
    assert [order.item.name for order in Order.objects.all()] == ["Teapot", "Notebook"]


def test_a_form_that_was_open_during_a_login_elsewhere_leads_on(customer):
    tab = customer.another_tab()
    customer.begin("Teapot")
    tab.begin("Notebook")
    customer.log_in()
    tab.log_in()
    # A login changes the CSRF token; Django refuses forms that hold an earlier one.
    assert tab.response.status_code == 403
    assert tab.seen.heading == "Please open the page again"
    tab.click("Open it again")
    assert tab.place == "how-to-pay/choose-method/"
    token = tab.seen.fields["csrfmiddlewaretoken"]
    customer.send("/logout/", {"csrfmiddlewaretoken": token})
    tab.send("/logout/", {"csrfmiddlewaretoken": "of another time"})
    tab.click("See what we have")
    assert tab.page == "/"


def test_pay_pressed_twice_is_one_order(customer):
    customer.come_to_confirm()
    url, form = customer.url, customer.form()
    customer.send(url, form)
    thanks = customer.url
    for _ in range(2):
        customer.send(url, form)
        assert customer.url == thanks
    assert Order.objects.count() == len(mail.outbox) == 1
    assert item("Teapot").stock == 11


def test_pay_pressed_at_the_same_instant_is_one_order(customer):
    customer.come_to_confirm()
    form, twins = customer.form(), [customer.twin() for _ in range(4)]
    at_once(*(lambda twin=twin: twin.send(twin.url, form) for twin in twins))
    assert {twin.page for twin in twins} == {f"/orders/{Order.objects.get().number}/"}
    assert item("Teapot").stock == 11


def test_pay_in_two_tabs_at_the_same_instant_is_one_order(customer):
    customer.come_to_confirm()
    tab = customer.twin()
    tab.open(customer.url)
    assert tab.form()["csrfmiddlewaretoken"] != customer.form()["csrfmiddlewaretoken"]
    at_once(customer.submit, tab.submit)
    assert {customer.page, tab.page} == {f"/orders/{Order.objects.get().number}/"}


def test_the_first_page_sent_twice_at_once_begins_one_task(customer):
    customer.open(item_url("Teapot"))
    url, form, twins = customer.url, customer.form(quantity=2), [customer.twin() for _ in range(2)]
    at_once(*(lambda twin=twin: twin.send(url, form) for twin in twins))
    assert twins[0].task_id == twins[1].task_id


def test_an_account_registered_twice_at_once_is_one_account(customer):
    customer.begin()
    customer.click("Register")
    form = customer.form(username="kim", email="kim@example.com", password1="Xk9-lamp-post", password2="Xk9-lamp-post")
    twins = [customer.twin() for _ in range(2)]
    at_once(*(lambda twin=twin: twin.send(twin.url, form) for twin in twins))
    # One that comes when the first has been answered holds the cookie of a session that is no more.
    assert "how-to-pay/choose-method/" in [twin.place for twin in twins], [twin.seen.text for twin in twins]
    assert User.objects.filter(username="kim").count() == 1


def test_a_new_order_after_an_order_is_another(customer):
    for _ in range(2):
        customer.come_to_confirm()
        customer.submit()
    assert Order.objects.count() == 2


def test_after_the_order_every_page_of_the_task_leads_to_it(customer):
    customer.come_to_confirm()
    confirm = customer.url
    customer.submit()
    thanks = customer.url
    for place in ("choose-item/", "how-to-pay/choose-method/", "confirm/"):
        customer.open(confirm.replace("confirm/", place))
        assert customer.url == thanks


def test_the_last_chair_goes_to_one_of_two_customers(customer, other):
    customer.come_to_confirm("Kitchen chair")
    other.come_to_confirm("Kitchen chair")
    at_once(customer.submit, other.submit)
    assert sorted([customer.seen.heading, other.seen.heading]) == ["Out of stock", "Thank you for your order"]
    assert Order.objects.count() == len(mail.outbox) == 1
    assert item("Kitchen chair").stock == 0


def test_what_is_sold_out_cannot_be_begun(customer):
    customer.open("/")
    assert "Buy Candlestick" not in customer.seen.links
    customer.open(item_url("Candlestick"))
    assert customer.seen.heading == "Out of stock"
    customer.open("/buy/999/choose-item/")
    assert customer.response.status_code == 404


def test_fewer_left_than_wanted_when_choosing(customer):
    customer.begin("Rucksack", 6)
    assert customer.place == "choose-item/"
    assert "Only 5 are left." in customer.seen.text
    customer.submit(quantity=0)
    assert "greater than or equal to 1" in customer.seen.text


def test_fewer_left_than_wanted_when_paying(customer):
    customer.come_to_confirm("Rucksack", 3)
    Item.objects.filter(name="Rucksack").update(stock=2)
    customer.submit()
    assert customer.place == "choose-item/"
    assert "So many are no longer in stock. Please choose again." in customer.seen.text
    customer.submit(quantity=2)
    assert customer.place == "confirm/"
    assert "€ 158.00" in customer.seen.text
    customer.submit()
    assert item("Rucksack").stock == 0


def test_somebody_quicker_by_less_than_pressing_the_button_takes(customer, monkeypatch):
    def quicker(*args):
        Item.objects.filter(name="Teapot").update(stock=1)
        return place_order(*args)

    customer.come_to_confirm("Teapot", 2)
    monkeypatch.setattr(flows, "place_order", quicker)
    customer.submit()
    assert customer.seen.heading == "Out of stock"
    assert "Buy the last one" in customer.seen.links
    assert not Order.objects.exists()


def test_the_price_that_was_shown_is_the_price_that_is_paid(customer):
    customer.come_to_confirm("Notebook")
    Item.objects.filter(name="Notebook").update(price="10.80")
    customer.submit()
    assert customer.place == "confirm/"
    assert "The amount has changed. Please have another look." in customer.seen.text
    assert "€ 10.80" in customer.seen.text
    customer.submit()
    assert str(Order.objects.get().amount) == "10.80"


def test_a_copied_address_is_worth_nothing_to_another(customer, other):
    customer.begin()
    customer.log_in()
    other.open(customer.url)
    assert other.response.status_code == 404
    assert other.seen.heading == "This page has expired"
    other.click("Start again: Checkout")
    assert other.place == "choose-item/"


def test_a_task_keeps_to_the_item_it_was_begun_for(customer):
    customer.begin("Teapot")
    customer.log_in()
    customer.open(customer.url.replace(f"/buy/{item('Teapot').pk}/", f"/buy/{item('Notebook').pk}/"))
    assert customer.page.startswith(f"/buy/{item('Teapot').pk}/")


def test_logging_out_leaves_no_task_behind_for_who_sits_down_next(customer):
    customer.come_to_confirm()
    url = customer.url
    token = customer.client.cookies["csrftoken"].value
    customer.client.post("/logout/", {"csrfmiddlewaretoken": token})
    customer.open(url)
    assert customer.response.status_code == 404
