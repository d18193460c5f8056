from decimal import Decimal

from django.contrib.auth.hashers import make_password
from django.db import migrations

ITEMS = [
    ("🫖", "Teapot", "Holds six cups, pours without a drop beside them.", "24.50", 12),
    ("📓", "Notebook", "Two hundred pages, dotted, lies flat.", "9.80", 40),
    ("🎒", "Rucksack", "Twenty litres, keeps the rain out.", "79.00", 5),
    ("🪑", "Kitchen chair", "Oak. The last one that we have.", "149.00", 1),
    ("🧦", "Woollen socks", "Warm, and they do not itch.", "12.00", 80),
    ("🕯️", "Candlestick", "Brass. Everybody wants it.", "31.20", 0),
]


def add_example_data(apps, schema_editor):
    Item = apps.get_model("shop", "Item")
    PaymentMethod = apps.get_model("shop", "PaymentMethod")
    User = apps.get_model("auth", "User")
    for symbol, name, description, price, stock in ITEMS:
        Item.objects.create(symbol=symbol, name=name, description=description, price=Decimal(price), stock=stock)
    # The passwords are in the README. Do not do this on a site that others can reach.
    demo = User.objects.create(username="demo", email="demo@example.com", password=make_password("demo-password"))
    PaymentMethod.objects.create(user=demo, kind="card", description="Card ending in 4242, good until 12/39")
    User.objects.create(
        username="admin",
        email="admin@example.com",
        password=make_password("admin-password"),
        is_staff=True,
        is_superuser=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("shop", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(add_example_data, migrations.RunPython.noop)]
